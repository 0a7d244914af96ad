// The page: what is pressed and typed goes to the worker (machine.js), what it answers is shown.
import { gunzip, load, pages_of, parts_of } from "dr7/pack.js";
import { Sources } from "dr7/sources.js";
import { show_registers } from "dr7/registers.js";
import { Prompt, bochs_command } from "dr7/prompt.js";
import { boot_config, with_files } from "dr7/iso.js";

const $ = id => document.getElementById(id);
const RUNNING = ["stop"], STOPPED = ["step", "over", "out", "continue", "back", "back-dr7"];

let parts, sources, worker, terminals, prompt;
let state = null, shown = null, off = false, from = 0;
let waiting = new Map(), asked = 0;
const breakpoints = new Map();  // address to Bochs' number

// ---- the worker ----

function ask(does, more = {}) {
  return new Promise(resolve => {
    waiting.set(++asked, resolve);
    worker.postMessage({ does, id: asked, ...more });
  });
}

function on_message({ data }) {
  if (data.is === "console") terminals.console.write(data.bytes);
  else if (data.is === "text") terminals.prompt.write(data.text.replaceAll("\n", "\r\n"));
  else if (data.is === "running") set_running(true);
  else if (waiting.has(data.answers)) {
    waiting.get(data.answers)(data);
    waiting.delete(data.answers);
  }
}

function set_running(running) {
  $("state").textContent = running ? "runs" : off ? "off" : "stopped";
  for (const id of RUNNING) $(id).disabled = !running;
  for (const id of STOPPED) $(id).disabled = running;
}

// One thing after the other; what is asked while the machine runs is not done.
let busy = false;
async function act(does, more) {
  if (busy) return null;
  busy = true;
  set_running(true);
  const answer = await ask(does, more);
  busy = false;
  state = answer.state;
  off = answer.off;
  from = answer.from;
  show();
  return answer;
}

async function command(line) {
  const wanted = bochs_command(line, sources.named);
  if (/^\s*(p|n|next)\s*$/.test(wanted)) return act("over");
  const answer = await act("command", { line: wanted });
  if (/^\s*(l?b|d)/.test(wanted)) await read_breakpoints();
  return answer;
}

// Of Bochs' list, those at linear addresses.
async function read_breakpoints() {
  const { value } = await ask("list");
  breakpoints.clear();
  for (const [, number, address] of value.matchAll(/^ *(\d+) lbreakpoint +keep y +0x(\w+)/gm))
    breakpoints.set(BigInt("0x" + address), number);
  mark_lines();
}

// ---- what is shown ----

function show() {
  const name = sources.name(state.rip);
  set_running(false);
  $("time").textContent = `t=${state.t}  ${name}`;
  show_registers(state, shown, address => sources.name(address));
  shown = state;
  const place = sources.place(state.rip);
  if (place) show_file(place.file);
  mark_lines(place);
}

let file = -1, with_code = new Set();
function show_file(number) {
  if (number === file) return;
  file = number;
  $("file").value = number;
  with_code = sources.lines_with_code(number);
  $("lines").replaceChildren(...sources.texts[number].map((text, i) => {
    const line = document.createElement("li");
    line.textContent = text;
    if (with_code.has(i + 1)) line.className = "code";
    return line;
  }));
}

function mark_lines(place = sources.place(state.rip)) {
  const lines = $("lines").children;
  for (const line of $("lines").querySelectorAll(".here, .breakpoint"))
    line.classList.remove("here", "breakpoint");
  for (const address of breakpoints.keys()) {
    const at = sources.place(address);
    if (at?.file === file) lines[at.line - 1].classList.add("breakpoint");
  }
  if (place?.file !== file) return;
  lines[place.line - 1].classList.add("here");
  lines[place.line - 1].scrollIntoView({ block: "nearest" });
}

// A breakpoint at this line of the shown file is set, or taken away.
async function toggle(line) {
  const address = sources.address(file, line);
  if (address === null || busy) return;
  const set = breakpoints.get(address);
  await command(set ? `d ${set}` : `lb 0x${address.toString(16)}`);
}

// ---- buttons and keys ----

async function word_at(address) {
  const { value } = await ask("read", { address, length: 8 });
  return value && new DataView(value.buffer).getBigUint64(0, true);
}

// The caller's RIP: on top of the stack when a function begins, behind RBP once that is pushed and
// set (a `push rbp` has one byte, the `mov` behind it three).
async function out() {
  const offset = parseInt(sources.name(state.rip).split("+")[1], 16);
  const at = offset === 0 ? state.rsp : offset < 4 ? state.rsp + 8n : state.rbp + 8n;
  const address = await word_at(at);
  if (address) await act("until", { address, rsp: at });
}

const does = {
  step: () => command("s"), over: () => act("over"), out, continue: () => command("c"),
  stop: () => worker.postMessage({ does: "stop" }),
  back: () => act("back", { to: state.t - 1 }),
  "back-dr7": () => act("changed", { name: "dr7" }),
};
const KEYS = { F8: "continue", F10: "over", F11: "step", "Shift-F10": "back", "Shift-F11": "out",
               Escape: "stop" };

function wire() {
  for (const id of [...RUNNING, ...STOPPED]) $(id).onclick = () => does[id]();
  document.addEventListener("keydown", event => {
    const id = KEYS[(event.shiftKey ? "Shift-" : "") + event.key];
    if (!id || (id === "stop" && !busy)) return;
    event.preventDefault();
    if (!$(id).disabled) does[id]();
  }, true);
  $("lines").onclick = event => {
    const line = [...$("lines").children].indexOf(event.target.closest("li"));
    if (line >= 0) toggle(line + 1);
  };
  $("file").onchange = () => { show_file(Number($("file").value)); mark_lines(); };
  $("light").onclick = () => {
    const root = document.documentElement;
    const dark = root.dataset.dark !== undefined
      || root.dataset.light === undefined && matchMedia("(prefers-color-scheme: dark)").matches;
    delete root.dataset[dark ? "dark" : "light"];
    root.dataset[dark ? "light" : "dark"] = "";
  };
  document.ondragover = event => event.preventDefault();
  document.ondrop = event => {
    event.preventDefault();
    window.dr7.ready = boot_dropped([...event.dataTransfer.files]);
  };
  $("boot").onsubmit = event => {
    event.preventDefault();
    window.dr7.ready = boot(with_words($("words").value));
  };
}

const script_of = bytes => URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));

// A script that is no module: xterm.js.
function run_script(bytes) {
  const script = document.createElement("script");
  script.src = script_of(bytes);
  document.head.append(script);
  return new Promise(resolve => { script.onload = resolve; });
}

function open_terminal(id) {
  const terminal = new Terminal({ fontSize: 13, convertEol: true, scrollback: 5000 });
  terminal.open($(id));
  const fit = () => {
    const cell = terminal.element.querySelector(".xterm-rows").firstChild.getBoundingClientRect();
    const width = $(id).clientWidth - 20, probe = terminal._core._renderService.dimensions.css.cell;
    terminal.resize(Math.max(20, Math.floor(width / probe.width)),
                    Math.max(4, Math.floor($(id).clientHeight / (cell.height || probe.height))));
  };
  new ResizeObserver(fit).observe($(id));
  return terminal;
}

// ---- start ----

async function start_worker(more) {
  worker?.terminate();
  waiting = new Map();
  busy = false;
  shown = null;
  breakpoints.clear();
  worker = new Worker(script_of(parts.worker));
  worker.onmessage = on_message;
  const { bochsrc, bios, vgabios, symbols } = parts;
  await act("start", { files: { bochsrc, bios, vgabios, symbols, ...more.files },
                       wasm: parts.wasm, snapshot: more.snapshot });
}

// From power-on, with another CD, to the kernel's first C.
async function boot(iso) {
  terminals.console.reset();
  await start_worker({ files: { iso: await iso } });
  await command("lb \"kernel_main\"");
  await command("c");
  await act("begin");
}

async function with_words(words, more = {}) {
  return with_files(await gunzip(await load("iso.gz")),
                    { "GRUB.CFG": boot_config(words), ...more });
}

function use_table(bytes) {
  const table = JSON.parse(new TextDecoder().decode(bytes));
  sources = new Sources(table);
  parts.symbols = new TextEncoder().encode(table.symbols);
  file = -1;
  $("file").replaceChildren(...sources.files.map((name, i) => new Option(name, i)));
  prompt.names = [...sources.named.keys()];
}

// One's own: a kernel.elf or an ISO, and what `make web-table` says of it.
async function boot_dropped(files) {
  let more = {}, iso = null;
  for (const dropped of files) {
    const bytes = new Uint8Array(await dropped.arrayBuffer());
    if (dropped.name.endsWith(".json")) use_table(bytes);
    else if (dropped.name.endsWith(".iso")) iso = bytes;
    else more["KERNEL.ELF"] = bytes;
  }
  await boot(iso ?? with_words($("words").value, more));
}

async function main() {
  parts = parts_of(await gunzip(await load("dr7.pack.gz")));
  await run_script(parts.xterm);
  terminals = { console: open_terminal("console"), prompt: open_terminal("prompt") };
  terminals.console.onData(data =>
    worker.postMessage({ does: "keys", bytes: new TextEncoder().encode(data) }));
  prompt = new Prompt(terminals.prompt, command, does.stop);
  use_table(parts.table);
  wire();
  const size = new DataView(parts.isosize.buffer).getUint32(0, true);
  await start_worker({ files: { iso: new Uint8Array(size) }, snapshot: pages_of(parts.snapshot) });
  await read_breakpoints();
  prompt.ready();
}

// For tests, and for the curious at the browser's own prompt.
window.dr7 = { command, breakpoints, back: t => act("back", { to: t }),
               hash: async () => (await ask("hash")).value,
               memory: async () => (await ask("memory")).value, terminals: () => terminals,
               get state() { return state; }, get busy() { return busy; } };
window.dr7.ready = main();
