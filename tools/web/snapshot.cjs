// Runs the page's worker without a page, from power-on to kernel_main, and writes what is then
// other in Bochs' memory than before the machine began: there the page begins.
//
//   node snapshot.cjs WORKER.JS WASM PARTS OUT
//
// PARTS: a folder with the files that Bochs reads.
"use strict";
const fs = require("fs"), vm = require("vm");
const [worker, wasm, parts, out] = process.argv.slice(2);

const read = name => new Uint8Array(fs.readFileSync(name));
const files = Object.fromEntries(fs.readdirSync(parts)
  .map(name => [name, read(`${parts}/${name}`)]));
const answers = new Map();
let asked = 0;

globalThis.self = globalThis;
globalThis.location = { href: "file:///" };
globalThis.postMessage = message => answers.get(message.answers)?.(message);
vm.runInThisContext(fs.readFileSync(worker, "utf8")
  + "\n;globalThis.last_copy = () => { keep(); return copies.at(-1); };", { filename: worker });

const ask = (does, more) => new Promise(resolve => {
  answers.set(++asked, resolve);
  globalThis.onmessage({ data: { does, id: asked, ...more } });
});

(async () => {
  await ask("start", { files, wasm: read(wasm) });
  await ask("command", { line: 'lb "kernel_main"' });
  const { state } = await ask("command", { line: "c" });
  const { pages } = globalThis.last_copy();
  const numbers = Uint32Array.from([pages.length, ...pages.map(([number]) => number)]);
  fs.writeFileSync(out, Buffer.concat([Buffer.from(numbers.buffer), ...pages.map(p => p[1])]));
  console.log(`dr7: kernel_main at t=${state.t}, ${pages.length} pages`);
  process.exit(0);  // a worker waits for ever
})();
