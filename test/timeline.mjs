// Opens a timeline in headless Chromium, and does what a reader does. Prints one line for each
// fault; lines that begin with # are figures.
//
//   node timeline.mjs PAGE EXPECTED [PICTURE]
//
// EXPECTED: JSON that was made of the trace: "said", what the page says at the middle of the
// longest stay, "at" and "row", where that is, "hits", "events", "found" for "search", and
// "rectangles", the most that may be painted in one picture. PICTURE: where a screenshot goes.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
const { chromium } = createRequire(process.cwd() + "/build/node/")("playwright-core");

const [page_path, expected_path, picture] = process.argv.slice(2);
const want = JSON.parse(readFileSync(expected_path, "utf-8"));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium",
                                        args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
const expect = (what, got, wanted) =>
  JSON.stringify(got) === JSON.stringify(wanted) ||
  console.log(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
page.on("pageerror", error => console.log(`the page's script: ${error.message}`));
page.on("request", request => request.url().startsWith("file:") ||
                              console.log(`it asks the network for ${request.url()}`));
let begun = Date.now();
await page.goto("file://" + resolve(page_path));
console.log(`# opened in ${Date.now() - begun} ms`);

// In millionths of the whole: fractions of a nanosecond may be lost.
const part = ns => Math.round(ns / whole * 1e6);
const whole = await page.evaluate(() => data.span);
const span = async () => part(await page.evaluate(() => to - from));
const box = await page.locator("#picture").boundingBox();

// The longest stay, under the mouse.
await page.evaluate(at => show(at - 50, at + 50), want.at);
const place = await page.evaluate(w => [x_of(w.at), y_of(w.cpu, w.row)], want);
await page.mouse.move(box.x + place[0], box.y + place[1] + 11);
expect("at the longest stay", (await page.textContent("#said")).split("\n").pop(), want.said);

// Zoom: buttons, keys, wheel, two fingers. Pan: keys, and a mouse that pulls.
await page.click("#all");
expect("all", await span(), 1000000);
await page.click("#in");
expect("zoomed by a button", await span(), 500000);
await page.focus("#picture");
await page.keyboard.press("+");
expect("zoomed by a key", await span(), 250000);
const left = await page.evaluate(() => from);
await page.keyboard.press("ArrowRight");
expect("moved by a key", part(await page.evaluate(() => from) - left), 25000);
await page.mouse.move(box.x + 600, box.y + 60);
await page.mouse.down();
await page.mouse.move(box.x + 600 + (box.width - 96) / 10, box.y + 60);
await page.mouse.up();
expect("moved back by the mouse", part(await page.evaluate(() => from) - left), 0);
await page.mouse.wheel(0, -100);
await page.waitForFunction(was => to - from < was, whole / 4.1);
await page.click("#all");
await page.evaluate(() => {
  const finger = (kind, id, x) => canvas.dispatchEvent(new PointerEvent(kind,
    { pointerId: id, pointerType: "touch", clientX: x, clientY: 80, bubbles: true }));
  canvas.setPointerCapture = () => {};
  finger("pointerdown", 1, 400); finger("pointerdown", 2, 600);
  finger("pointermove", 2, 800);
  finger("pointerup", 1, 400); finger("pointerup", 2, 800);
});
expect("zoomed by two fingers", await span(), 500000);

await page.click("#all");
await page.fill("#search", want.search);
expect("found", await page.textContent("#found"), `${want.found} found`);
await page.fill("#search", "");
expect("rows of the table", await page.locator("#events tr").count() - 1, want.events);
expect("hits in the table", await page.evaluate(() =>
  [...document.querySelectorAll("#events td:last-child")]
    .reduce((sum, cell) => sum + Number(cell.textContent), 0)), want.hits);

// What one picture costs is bound by its width, not by the length of the trace.
begun = Date.now();
const painted = await page.evaluate(() => {
  const real = pen.fillRect.bind(pen);
  let n = 0;
  pen.fillRect = (...where) => { n++; real(...where); };
  draw();
  pen.fillRect = real;
  return n;
});
console.log(`# ${painted} rectangles in ${Date.now() - begun} ms`);
if (painted > want.rectangles) console.log(`${painted} rectangles in one picture`);

for (const scheme of ["dark", "light"]) {
  await page.emulateMedia({ colorScheme: scheme });
  const ink = await page.evaluate(() => getComputedStyle(document.body).color);
  expect(`ink, ${scheme}`, ink, scheme === "dark" ? "rgb(238, 238, 238)" : "rgb(17, 17, 17)");
}

// For readers: a tenth of it, with the longest stay under the mouse.
if (picture) {
  await page.evaluate(at => show(at - data.span / 20, at + data.span / 20), want.at);
  const spot = await page.evaluate(w => [x_of(w.at), y_of(w.cpu, w.row)], want);
  await page.mouse.move(box.x + spot[0], box.y + spot[1] + 6);
  await page.evaluate(() => document.activeElement.blur());
  await page.screenshot({ path: picture, clip: { x: 0, y: 0, width: 1280, height: 620 } });
}
await browser.close();
