// Opens a timeline in headless Chromium, and does what a reader does. Prints one line for each
// fault, and nothing else.
//
//   node timeline.mjs PAGE PICTURE      PICTURE: where a screenshot goes
import { createRequire } from "node:module";
const { chromium } = createRequire(process.cwd() + "/build/node/")("playwright-core");

const [page_path, picture] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium",
                                        args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
const faults = [];
page.on("pageerror", error => faults.push(`the page's script: ${error.message}`));
const expect = (what, got, want) =>
  JSON.stringify(got) === JSON.stringify(want) ||
  faults.push(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
const begun = Date.now();
await page.goto("file://" + page_path);
console.log(`# opened in ${Date.now() - begun} ms`);

// The longest stay in a register: its place on the canvas, and what the page says of it there.
const bar = await page.evaluate(() => {
  const longest = data.registers.reduce((a, b) => b[1] - b[0] > a[1] - a[0] ? b : a);
  const [start, end, cpu, task, reg, event, what, hits] = longest;
  return { start, end, cpu, reg, task, event, hits, where: data.texts[what] };
});
await page.evaluate(([start, end]) => { show(start - (end - start), end + (end - start)); draw(); },
                    [bar.start, bar.end]);
const place = await page.evaluate(b => [x_of((b.start + b.end) / 2), y_of(b.cpu, b.reg + 1)], bar);
const box = await page.locator("#picture").boundingBox();
await page.mouse.move(box.x + place[0], box.y + place[1] + 11);
const said = await page.textContent("#said");
if (!said.includes(bar.where) && !said.includes("hit"))
  faults.push(`at the longest stay it says ${said}`);

const span = () => page.evaluate(() => to - from);
await page.click("#all");
expect("all", await span(), await page.evaluate(() => data.span));
await page.focus("#picture");
await page.keyboard.press("+");
expect("zoomed by a key", Math.round(await span() * 2), await page.evaluate(() => data.span));
await page.mouse.move(box.x + box.width / 2, box.y + 60);
await page.mouse.wheel(0, -100);
await page.waitForFunction(() => to - from < data.span * .45);
await page.click("#all");
await page.fill("#search", "dr0 of cpu 0");
expect("found", await page.textContent("#found"), await page.evaluate(() =>
  `${data.registers.filter(b => b[2] === 0 && b[4] === 0).length} found`));
await page.fill("#search", "");
const rows = await page.locator("#events tr").count();
expect("rows of the table", rows - 1,
       await page.evaluate(() => new Set(data.registers.map(b => b[5])).size));
const hits = await page.evaluate(() => data.registers.reduce((sum, b) => sum + b[7], 0));
expect("hits, as bars and as marks", hits,
       await page.evaluate(() => data.marks.filter(m => m[2] === "hit").length));
await page.screenshot({ path: picture });
await browser.close();
for (const fault of faults) console.log(fault);
