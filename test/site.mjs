// Reads the site of `make site` in headless Chromium: links into the sources, the search, and that
// nothing comes from elsewhere. Prints one line for each fault.
//
//   node site.mjs ADDRESS
import { createRequire } from "node:module";
const { chromium } = createRequire(process.cwd() + "/build/node/")("playwright-core");

const home = process.argv[2];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium",
                                        args: ["--no-sandbox"] });
const page = await browser.newPage();
page.on("request", request => request.url().startsWith(home) || request.url().startsWith("data:")
                              || console.log(`it asks for ${request.url()}`));
page.on("response", response => response.status() < 400 ||
                                console.log(`${response.status()}: ${response.url()}`));

await page.goto(home + "/docs/parking.html");
const link = page.locator("article a", { hasText: "perf_ctx_out()" }).first();
await page.goto(new URL(await link.getAttribute("href"), page.url()).href);
const line = await page.evaluate(() =>
  document.getElementById(location.hash.slice(1))?.parentElement.textContent.split("\n")
    [location.hash.split("-").pop() - 1]);
if (!line?.startsWith("void perf_ctx_out(")) console.log(`the link leads to ${line}`);

await page.click("input.md-search__input");
await page.keyboard.type("slots_reserve");
await page.locator(".md-search-result__item a[href*='hwbp/slots.h']").first()
  .waitFor({ state: "attached" });
await browser.close();
