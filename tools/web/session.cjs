// Runs Bochs' debugger like the page, but on a terminal: prompt, a line, its answer.
//
//   node session.cjs WORKER.JS WASM PARTS SNAPSHOT WORDS
//
// WORDS: the kernel's command line.
"use strict";
const readline = require("readline");
const worker = require("./worker.cjs");
const [script, wasm, parts, snapshot, words] = process.argv.slice(2);

worker.run("web/iso.js");
worker.run("web/prompt.js", ";globalThis.bochs_command = bochs_command");
worker.run(script);

(async () => {
  const files = worker.files(parts);
  const named = new Map(Buffer.from(files.symbols).toString().trim().split("\n").map(line => {
    const [address, name] = line.split(" ");
    return [name, BigInt("0x" + address)];
  }));
  await worker.ask("start", { files, wasm: await WebAssembly.compile(worker.read(wasm)),
                              snapshot: with_words(worker.read(snapshot), words) });
  const lines = readline.createInterface({ input: process.stdin });
  const prompt = n => {
    process.stdout.write(`${worker.text}<bochs:${n}> `);
    worker.text = "";
  };
  let count = 0;
  prompt(++count);
  for await (const line of lines) {
    await worker.ask("command", { line: bochs_command(line, named) });
    prompt(++count);
  }
  process.exit(0);  // otherwise the worker waits for ever
})();
