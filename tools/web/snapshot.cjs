// Runs the page's worker without a page, from power-on to kernel_main. Then it writes Bochs'
// memory, where the page begins.
//
// The data that GRUB leaves in free memory is wiped: it is useless, and not dr7's.
//
//   node snapshot.cjs WORKER.JS WASM PARTS OUT START-END...
//
// PARTS: a folder with the files that Bochs reads. START-END: the kernel's segments in memory.
"use strict";
const fs = require("fs");
const worker = require("./worker.cjs");
const [script, wasm, parts, out, ...segments] = process.argv.slice(2);
const PAGE = 4096;
// Multiboot2, 3.6: the types of its tags, and of free memory.
const [END, MODULE, MAP, FREE] = [0, 3, 6, 1];

globalThis.wipe = wipe;
worker.run(script, `
  globalThis.this_moment = copy;
  keep = () => {};
  speed = 1e12;  // one slice, so that BIOS and GRUB take the same ticks every time
  globalThis.tidy = state => {
    bochs._machine_forget();
    const at = Number(state.memory);
    wipe(memory.subarray(at, at + (32 << 20)), Number(state.rsi));  // bochsrc: memory
  };`);

// Wipes each page of free memory that does not belong to the kernel, a module, or the boot
// information.
function wipe(memory, info) {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  const word = at => view.getUint32(at, true);
  const kept = [[0, PAGE], [info, info + word(info)],
                ...segments.map(range => range.split("-").map(Number))];
  const free = [];
  for (let tag = info + 8; word(tag) !== END; tag += Math.max(8, word(tag + 4) + 7 & ~7)) {
    if (word(tag) === MODULE) kept.push([word(tag + 8), word(tag + 12)]);
    if (word(tag) !== MAP) continue;
    for (let at = tag + 16; at < tag + word(tag + 4); at += word(tag + 8))
      if (word(at + 16) === FREE) free.push([word(at), word(at) + word(at + 8)]);
  }
  for (const [start, end] of free)
    for (let page = Math.ceil(start / PAGE) * PAGE; page + PAGE <= end; page += PAGE)
      if (!kept.some(([from, to]) => page < to && page + PAGE > from))
        memory.fill(0, page, page + PAGE);
}

(async () => {
  await worker.ask("start", { files: worker.files(parts),
                              wasm: await WebAssembly.compile(worker.read(wasm)) });
  await worker.ask("command", { line: 'lb "kernel_main"' });
  const { state } = await worker.ask("command", { line: "c" });
  globalThis.tidy(state);
  const { numbers, bytes } = globalThis.this_moment();
  fs.writeFileSync(out, Buffer.concat([
    Buffer.from(Uint32Array.from([numbers.length, ...numbers]).buffer), bytes]));
  console.log(`dr7: kernel_main at t=${state.t}, ${numbers.length} pages`);
  process.exit(0);  // otherwise the worker waits for ever
})();
