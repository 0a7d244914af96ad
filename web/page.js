// The page: what is pressed and typed goes to the worker (machine.js), what it answers is shown.
import { gunzip, load, pages_of, parts_of } from "dr7/pack.js";
import { Sources } from "dr7/sources.js";
import { owners_of, show_registers } from "dr7/registers.js";
import { Prompt, bochs_command } from "dr7/prompt.js";
import { Tour } from "dr7/tour.js";
import { with_kernel } from "dr7/iso.js";

const $ = id => document.getElementById(id);
const WORDS = "init=/bin/init watchdog=0";

// A name, its key, what it does and how; `stop` alone can be pressed while the machine runs.
const COMMANDS = [
  ["step", "F11", "one instruction", () => prompt.type("s")],
  ["over", "F10", "one instruction, but over calls", () => prompt.type("p")],
  ["out", "Shift-F11", "on to the return of this function", out],
  ["continue", "F8", "on to a breakpoint", () => prompt.type("c")],
  ["stop", "Escape", "stop here", () => worker.postMessage({ does: "stop" })],
  ["back", "Shift-F10", "one instruction back", () => act("go", { to: state.t - 1 })],
  ["back-to-DR7", "Shift-F8", "to the last write of DR7", () => act("changed", { name: "dr7" })],
  ["next", "F9", "the tour's next line", () => tour.next()],
];

let parts, sources, worker, console_, prompt, tour;
let state = null, shown = null, off = false, busy = false;
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
  if (data.is === "screen") console_.reset();
  if (data.is === "screen" || data.is === "console") console_.write(new Uint8Array(data.bytes));
  else if (data.is === "text") prompt.print(data.text);
  else if (data.is === "running") set_running(true);
  else if (waiting.has(data.answers)) {
    waiting.get(data.answers)(data);
    waiting.delete(data.answers);
  }
}

function set_running(running) {
  $("state").textContent = running ? "runs" : off ? "off" : "stopped";
  for (const [name] of COMMANDS) $(name).disabled = running !== (name === "stop");
}

// One thing after the other; what is asked while the machine runs is not done.
async function act(does, more) {
  if (busy) return null;
  busy = true;
  set_running(true);
  const answer = await ask(does, more);
  ({ state, off } = answer);
  await show(answer);
  busy = false;
  set_running(false);
  return answer;
}

async function command(line) {
  const wanted = bochs_command(line, sources.named);
  if (/^\s*(p|n|next)\s*$/.test(wanted)) return act("over");
  await act("command", { line: wanted });
  if (/^\s*(l?b|d)/.test(wanted)) await read_breakpoints();
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

async function show({ from, latest }) {
  $("time").textContent = `t=${state.t}  ${sources.name(state.rip)}`;
  Object.assign($("bar"), { min: from, max: latest });
  if (!seeking) $("bar").value = state.t;
  show_registers(state, shown, await owners_of(sources.owners, read), at => sources.name(at));
  shown = state;
  const place = sources.place(state.rip);
  if (place) show_file(place.file);
  mark_lines(place);
}

let file = -1;
function show_file(number) {
  if (number === file) return;
  file = number;
  $("file").value = number;
  const with_code = sources.lines_with_code(number);
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
  await prompt.type(set ? `d ${set}` : `lb 0x${address.toString(16)}`);
}

// ---- buttons and keys ----

// Memory of the kernel or of the task that runs, as a DataView; null: it is not there.
async function read(address, length) {
  const { value } = await ask("read", { address, length });
  return value && new DataView(value.buffer);
}

// The caller's RIP: on top of the stack when a function begins, behind RBP once that is pushed and
// set (a `push rbp` has one byte, the `mov` behind it three).
async function out() {
  const offset = parseInt(sources.name(state.rip).split("+")[1], 16);
  const at = offset === 0 ? state.rsp : offset < 4 ? state.rsp + 8n : state.rbp + 8n;
  const address = (await read(at, 8))?.getBigUint64(0, true);
  if (address) await act("until", { address, rsp: at });
}

let seeking = false;
async function seek() {
  if (seeking || busy) return;
  seeking = true;
  for (let to; to !== Number($("bar").value); )
    await act("go", { to: to = Number($("bar").value) });
  seeking = false;
}

function wire() {
  const keys = {};
  for (const [name, key, title, run] of COMMANDS) {
    const button = $(name) ?? document.createElement("button");
    Object.assign(button, { id: name, textContent: name.replaceAll("-", " "),
                            title: `${title} (${key})` });
    button.onclick = run;
    if (!button.isConnected) $("commands").append(button);
    keys[key] = button;
  }
  document.addEventListener("keydown", event => {
    const button = keys[(event.shiftKey ? "Shift-" : "") + event.key];
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  }, true);
  $("lines").onclick = event => {
    const line = [...$("lines").children].indexOf(event.target.closest("li"));
    if (line >= 0) toggle(line + 1);
  };
  $("registers").onclick = event => {
    const { name } = event.target.dataset;
    if (name) act("changed", { name });
  };
  $("file").onchange = () => { show_file(Number($("file").value)); mark_lines(); };
  $("bar").oninput = seek;
  document.ondragover = event => event.preventDefault();
  document.ondrop = event => {
    event.preventDefault();
    window.dr7.ready = boot_dropped([...event.dataTransfer.files]);
  };
  $("boot").onsubmit = event => {
    event.preventDefault();
    tour.end();
    window.dr7.ready = boot($("words").value);
  };
  $("tours").onchange = () => { location.hash = "tour=" + $("tours").value; };
  window.onhashchange = () => { window.dr7.ready = follow(); };
}

const script_of = bytes => URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));

function open_console() {
  const terminal = new Terminal({ fontSize: 13, convertEol: true, scrollback: 5000 });
  const room = $("console");
  terminal.open(room);
  terminal.onData(data =>
    worker.postMessage({ does: "keys", bytes: new TextEncoder().encode(data) }));
  new ResizeObserver(() => {
    const { width, height } = terminal.element.querySelector(".xterm-screen")
      .getBoundingClientRect();
    terminal.resize(
      Math.max(20, Math.floor((room.clientWidth - 20) * terminal.cols / width)),
      Math.max(4, Math.floor(room.clientHeight * terminal.rows / height)));
  }).observe(room);
  return terminal;
}

// ---- start ----

// A new machine. `files` differ from the page's own, `snapshot` is where it begins.
async function start(more) {
  worker?.terminate();
  waiting = new Map();
  busy = false;
  shown = null;
  console_.reset();
  worker = new Worker(script_of(parts.worker));
  worker.onmessage = on_message;
  const { bochsrc, bios, vgabios, symbols, wasm } = parts;
  await act("start", { ...more, wasm,
                       files: { bochsrc, bios, vgabios, symbols, ...more.files } });
  await read_breakpoints();
}

// At the kernel's first C, with this command line.
async function boot(line) {
  $("words").value = line;
  const size = new DataView(parts.isosize.buffer).getUint32(0, true);
  await start({ files: { iso: new Uint8Array(size) }, snapshot: pages_of(parts.snapshot), line });
}

// From power-on, with another CD; `line`: null if its own command line counts.
async function boot_iso(iso, line) {
  await start({ files: { iso } });
  await command("lb \"kernel_main\"");
  await command("c");
  await act("begin", { line });
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
  let kernel = null, iso = null;
  tour.end();
  for (const dropped of files) {
    const bytes = new Uint8Array(await dropped.arrayBuffer());
    if (dropped.name.endsWith(".json")) use_table(bytes);
    else if (dropped.name.endsWith(".iso")) iso = bytes;
    else kernel = bytes;
  }
  if (iso) await boot_iso(iso, null);
  else await boot_iso(with_kernel(await gunzip(await load("iso.gz")), kernel), $("words").value);
}

// Where the address of the page wants to go: #tour=NAME&step=N, or #run=PROGRAM&b=FUNCTION; a
// kernel's word, with a "=", may stand in the place of a program.
async function follow() {
  const wanted = new URLSearchParams(location.hash.slice(1)), run = wanted.get("run");
  const chosen = parts.tours.find(({ name }) => name === wanted.get("tour"));
  tour.end();
  $("tours").value = chosen?.name ?? "";
  await boot(chosen?.words ?? (run ? WORDS + (run.includes("=") ? " " : " -- ") + run : WORDS));
  if (chosen) await tour.begin(chosen, Number(wanted.get("step") ?? 1));
  for (const name of wanted.getAll("b")) await prompt.type("b " + name);
  if (wanted.has("b")) await prompt.type("c");
}

async function main() {
  parts = parts_of(await gunzip(await load("dr7.pack.gz")));
  parts.tours = JSON.parse(new TextDecoder().decode(parts.tours));
  await import(script_of(parts.xterm));
  console_ = open_console();
  prompt = new Prompt(command, () => $("stop").click());
  tour = new Tour($("tour"), line => prompt.type(line));
  $("tours").append(...parts.tours.map(({ name, title }) => new Option(title, name)));
  wire();
  use_table(parts.table);
  await follow();
}

// For tests, and for the curious at the browser's own prompt.
window.dr7 = { breakpoints, type: line => prompt.type(line), go: to => act("go", { to }),
               hash: async () => (await ask("hash")).value,
               memory: async () => (await ask("memory")).value,
               next: () => tour.next(), console: () => console_,
               get state() { return state; }, get busy() { return busy || prompt.busy; } };
window.dr7.ready = main();
