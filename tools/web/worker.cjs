// The page's worker without a page, in node: `ask` sends it a message and waits for the answer.
"use strict";
const fs = require("fs"), vm = require("vm");

const answers = new Map();
let asked = 0;

exports.text = "";  // the output of Bochs
exports.read = name => new Uint8Array(fs.readFileSync(name));

// Runs a script here: the worker with more code after it, or a module of the page.
exports.run = (name, more = "") =>
  vm.runInThisContext(fs.readFileSync(name, "utf8").replace(/^export /gm, "") + more,
                      { filename: name });

// All files of a folder that Bochs reads.
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
