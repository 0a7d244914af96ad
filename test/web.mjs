// Reads the page of `make web` in headless Chromium: boots, breaks, steps, stops, goes back. Prints
// one line for each fault; lines that begin with # are figures.
//
//   node web.mjs ADDRESS FOLDER CORE [PICTURE]
//
// ADDRESS is FOLDER, served; CORE: a folder with another kernel, core/debug/kernel.elf, and its
// table kernel.json.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { resolve } from "node:path";
const { chromium } = createRequire(process.cwd() + "/build/node/")("playwright-core");

const [home, folder, core, picture] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium",
                                        args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
const complain = text => console.log(text);
const expect = (what, got, wanted) => JSON.stringify(got) === JSON.stringify(wanted)
  || complain(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
page.on("pageerror", error => complain(`the page's script: ${error.message}`));
page.on("request", request => [home, "file:", "blob:", "data:"]
  .some(begin => request.url().startsWith(begin)) || complain(`it asks for ${request.url()}`));
page.on("response", response => response.status() < 400
  || complain(`${response.status()}: ${response.url()}`));

// How long a thing took goes to the log: this machine may have other work.
async function timed(what, act) {
  const begun = performance.now();
  await act();
  console.log(`# ${what}: ${Math.round(performance.now() - begun)} ms`);
}
const idle = () => page.waitForFunction(() => !dr7.busy, null, { timeout: 200000 });
const where = async () => (await page.textContent("#time")).split("  ");
const time = place => Number(place[0].slice(2));
const press = async id => { await page.click("#" + id); await idle(); };
const command = line => page.evaluate(line => dr7.type(line), line);
// Until the line of the console's cursor, or one above, begins so.
const line_of_console = (up, begin) => page.waitForFunction(([up, begin]) => {
  const buffer = dr7.console().buffer.active;
  return buffer.getLine(buffer.cursorY + buffer.baseY + up)?.translateToString(true)
    .startsWith(begin);
}, [up, begin], { timeout: 200000 });
const in_worker = (act, more) => page.workers().at(-1).evaluate(act, more);
// All registers and memory of the machine as one number, as FNV-1a has it.
const all = () => in_worker(() => {
  const now = state(), at = Number(now.memory) / 4;
  let hash = 0x811c9dc5;
  const add = word => { hash = Math.imul(hash ^ word, 0x01000193); };
  for (let i = at; i < at + (32 << 20) / 4; i++) add(words[i]);
  for (const value of Object.values(now)) add(Number(BigInt(value) & 0xffffffffn));
  return hash >>> 0;
});
const load = () => `at load ${loadavg()[0].toFixed(1)}`;

await page.goto(home + "/index.html");
const ready = await page.evaluate(() => dr7.ready.then(() => performance.now()));
console.log(`# ready, from the address on: ${Math.round(ready)} ms, ${load()}`);
expect("at first", (await where())[1], "kernel_main+0");
const shown = () => page.evaluate(() => document.getElementById("file").selectedOptions[0].text);
expect("at first, the source", await shown(), "kernel/main.c");
const first = await where();

// A breakpoint by a click on the first line of perf_switch_in that has code.
await page.selectOption("#file", { label: "perf/switch.c" });
const line = page.locator("#lines li", { hasText: /^void perf_switch_in\(/ });
await line.click();
await idle();
expect("clicked line", await page.locator("#lines li.breakpoint").count(), 1);
await press("continue");
expect("stop at the click", (await where())[1], "perf_switch_in+0");
expect("its line", await page.locator("#lines li.here").count(), 1);

// 200 steps, and all of them back again.
const before = [await where(), await all()];
await timed("200 steps", async () => { for (let i = 0; i < 200; i++) await press("step"); });
const behind = [await where(), await all()];
await timed("back over 200 steps", () => page.evaluate(t => dr7.go(t), time(before[0])));
expect("back", [await where(), await all()], before);
await timed("200 steps as one command", () => command("s 200"));
expect("forward again", [await where(), await all()], behind);
await timed("one step back", () => press("back"));
await timed("one more", () => press("back"));
await press("step");
await press("step");
expect("two back, two forward", [await where(), await all()], behind);

// Over and out stay on the way of this function, by keys.
await page.evaluate(t => dr7.go(t), time(before[0]));
for (let i = 0; i < 9; i++) { await page.keyboard.press("F10"); await idle(); }
expect("over", (await where())[1].split("+")[0], "perf_switch_in");
await page.keyboard.press("Shift+F11");
await idle();
expect("out", (await where())[1].split("+")[0], "sched_task_main");

// Whose breakpoint it is; back to the last write of DR7, and to where RSP got its value.
await command("d 2");
expect("breakpoints, without the clicked one",
       (await command("blist")).match(/ lbreakpoint +keep y /g)?.length, 1);
await page.fill("#line", "b perf_switch_i");
await page.press("#line", "Tab");
expect("the name completed", await page.inputValue("#line"), "b perf_switch_in");
await page.press("#line", "ArrowUp");
expect("the line before", await page.inputValue("#line"), "blist");
await command("b perf_event_count");
await press("continue");
const owner = await page.locator("#debug tr").first().textContent();
if (!/; event \d+ of [A-H] \(\d+\), \d+ hits$/.test(owner)) complain(`whose it is: ${owner}`);
const last_said = async () => (await page.textContent("#said")).trimEnd().split("\n").at(-1);
await timed("back to DR7", () => press("back-to-DR7"));
expect("the last write of DR7", (await last_said()).includes(": mov dr7, "), true);
const rsp = await page.evaluate(() => String(dr7.state.rsp));
await timed("back to RSP", async () => { await page.click("[data-name=rsp]"); await idle(); });
await press("step");
expect("where RSP came from", await page.evaluate(() => String(dr7.state.rsp)), rsp);

// The bar: to the first moment, and as far as the machine has been.
const drag = async end => {
  const to = await page.evaluate(end => {
    const bar = document.getElementById("bar");
    bar.value = bar[end];
    bar.dispatchEvent(new Event("input"));
    return Number(bar[end]);
  }, end);
  await idle();
  expect(`the bar's ${end}`, time(await where()), to);
};
await drag("min");
await drag("max");
await command("d 3");

// A reload in the middle; a link to a place.
await page.reload();
await page.evaluate(() => dr7.ready);
expect("after a reload", await where(), first);
const open = async place => {
  await page.goto("about:blank");
  await page.goto(home + "/index.html" + place);
  await page.evaluate(() => dr7.ready);
};
await open("#run=demo&b=perf_switch_in");
expect("the link", (await where())[1], "perf_switch_in+0");
await open("#tour=switch&step=3");
expect("the tour's third step", await page.textContent("#tour h2"), "A context switch (3/6)");
await open("");

// The demonstration to its end. On the way it is stopped: no slice begins once the worker has heard
// of it, and none is longer than 12 ms of a machine with 50 million ticks in a second.
await in_worker(() => {
  const slice = command;
  globalThis.longest = globalThis.late = 0;
  globalThis.command = (line, most) => {
    longest = Math.max(longest, most < 1e15 ? most : 0);
    late += stopping && line === "c";
    return slice(line, most);
  };
});
const stops = [];
for (let i = 0; i < 10; i++) {
  await page.click("#continue");
  await page.waitForTimeout(50);
  stops.push(await page.evaluate(async () => {
    const begun = performance.now();
    document.getElementById("stop").click();
    while (dr7.busy) await new Promise(resolve => setTimeout(resolve));
    return Math.round(performance.now() - begun);
  }));
}
const slices = await in_worker(() => ({ late, short: longest <= 600000 }));
expect("slices", slices, { late: 0, short: true });
console.log(`# ten stops: ${stops.join(", ")} ms, ${load()}`);
await page.click("#continue");
await timed("to the shell", () => line_of_console(0, "dr7$"));
await page.click("#console");
await page.keyboard.type("echo one  two\n");
await line_of_console(-1, "one two");
await press("stop");
const megabytes = await in_worker(() => Math.round(
  [first, ...copies].reduce((sum, copy) => sum + copy.bytes.length, memory.length) / 1e6));
console.log(`# Bochs and its copies: ${megabytes} MB`);
if (megabytes > 600) complain(`${megabytes} MB`);

// The timeline of the run so far has each hit that the demonstration has told of.
const told = await page.evaluate(() => {
  const { active } = dr7.console().buffer;
  return [...Array(active.length).keys()].map(i => active.getLine(i).translateToString(true))
    .map(line => line.match(/^ +[A-H] +(\d+) +\d+ +\d+ +(\d+)/)).filter(Boolean)
    .map(([, pid, hits]) => [Number(pid), Number(hits)]);
});
expect("tasks of the demonstration", told.length, 8);
const [timeline] = await Promise.all([page.waitForEvent("popup"), page.keyboard.press("Shift+F9")]);
await timeline.waitForFunction(() => document.querySelectorAll("#events tr").length > 1);
expect("hits in the timeline", await timeline.evaluate(told => told.map(([pid]) => [pid,
  data.registers.filter(stay => stay[3] === pid).reduce((sum, stay) => sum + stay[7], 0)]), told),
  told);
const bar = await timeline.evaluate(([pid]) => {
  const stay = data.registers.find(stay => stay[3] === pid);
  show(stay[0], stay[1]);
  const { left, top } = canvas.getBoundingClientRect();
  return [left + (LEFT + width) / 2, top + y_of(0, stay[4] + 1) + ROW - 3];
}, told[0]);
await timeline.mouse.move(...bar);
const words = await timeline.textContent("#said");
if (!/DR\d of CPU 0: 0x[0-9a-f]+ 8 w pinned, event \d+ of A \(\d+\), \d+ hits?$/.test(words))
  complain(`a bar of the timeline says ${words}`);
await timeline.close();
if (picture) {
  await command("b perf_event_count");
  await page.evaluate(t => dr7.go(t), time(first));
  await command("c");
  await command("bt");
  await page.screenshot({ path: picture });
}

// Each tour, from end to end.
const tours = await page.locator("#tours option").evaluateAll(all => all.map(o => o.value));
for (const tour of tours.filter(Boolean)) {
  await page.evaluate(name => { location.hash = "tour=" + name; }, tour);
  await page.waitForFunction(name => location.hash.startsWith(`#tour=${name}&`), tour);
  await page.evaluate(() => dr7.ready);
  let lines = 0;
  await timed(`the tour ${tour}`, async () => {
    while (await page.evaluate(() => dr7.next())) {
      lines++;
      for (const other of await page.locator("#tour .other").allTextContents())
        complain(`the tour ${tour}: ${other}`);
    }
  });
  console.log(`# the tour ${tour}: ${lines} lines and steps`);
}

// The whole in one file, without a server; with another command line.
await page.goto("file://" + resolve(folder) + "/dr7.html");
await page.evaluate(() => dr7.ready);
expect("one file", await where(), first);
await page.fill("#words", "init=/bin/sh");
await timed("another command line", async () => {
  await page.press("#words", "Enter");
  await page.evaluate(() => dr7.ready);
});
expect("booted", (await where())[1], "kernel_main+0");
await page.click("#continue");
await line_of_console(0, "dr7$");

// One's own, dropped on the page: an ISO, and a kernel.
const drop = (what, source, paths) => timed(what, async () => {
  await page.evaluate(async files => {
    const dropped = new DataTransfer();
    for (const [name, text] of files)
      dropped.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name));
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped }));
    await dr7.ready;
  }, paths.map(([name, path]) => [name, readFileSync(path, "base64")]));
  expect(what, (await where())[1], "kernel_main+0");
  expect(`${what}, the source`, await shown(), source);
});
await drop("a dropped ISO", "kernel/main.c", [["own.iso", "build/web-bochs/kernel/parts/iso"]]);
await drop("a dropped kernel", "kernel/core/main.c", [
  ["kernel.elf", core + "/core/debug/kernel.elf"], ["kernel.json", core + "/kernel.json"]]);
await browser.close();
process.exit(0);
