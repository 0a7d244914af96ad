// The page's worker without a page, in node: `ask` sends it a message and waits for the answer.
"use strict";
const fs = require("fs"), vm = require("vm");

const answers = new Map();
let asked = 0;

exports.text = "";  // what Bochs has said
exports.read = name => new Uint8Array(fs.readFileSync(name));

// A script in this world: the worker, with more behind it, or a module of the page.
exports.run = (name, more = "") =>
  vm.runInThisContext(fs.readFileSync(name, "utf8").replace(/^export /gm, "") + more,
                      { filename: name });

// All that Bochs reads, of a folder.
exports.files = folder => Object.fromEntries(fs.readdirSync(folder)
  .map(name => [name, exports.read(`${folder}/${name}`)]));

exports.ask = (does, more) => new Promise(resolve => {
  answers.set(++asked, resolve);
  globalThis.onmessage({ data: { does, id: asked, ...more } });
});

globalThis.self = globalThis;
globalThis.location = { href: "file:///" };
globalThis.postMessage = message => {
  if (message.is === "text") exports.text += message.text;
  answers.get(message.answers)?.(message);
};
