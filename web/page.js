// The page: buttons and typed lines go to the worker (machine.js), and its answers are shown.
import { load } from "dr7/pack.js";
import { Sources } from "dr7/sources.js";
import { show_registers } from "dr7/registers.js";
import { Prompt, bochs_command } from "dr7/prompt.js";
import { Tour } from "dr7/tour.js";
import { with_kernel, with_words } from "dr7/iso.js";
import { timeline_of } from "dr7/records.js";

const $ = id => document.getElementById(id);
const as_json = bytes => JSON.parse(new TextDecoder().decode(bytes));
const WORDS = "init=/bin/init watchdog=0 trace=1024";

// The actions of the buttons in index.html. Only `stop` works while the machine runs.
const BUTTONS = {
  step: () => prompt.type("s"),
  over: () => prompt.type("p"),
  out: () => act("out", { offset: parseInt(sources.name(state.rip).split("+")[1], 16) }),
  continue: () => prompt.type("c"),
  stop: () => worker.postMessage({ does: "stop" }),
  back: () => act("go", { to: state.t - 1 }),
  "back-to-DR7": () => act("changed", { name: "dr7" }),
  timeline,
  next: () => tour.next(),
};

let parts, wasm, sources, worker, console_, prompt, tour;
let state = null, shown = null, off = false, busy = false;
let waiting = new Map(), asked = 0;
let breakpoints = new Map();  // address to Bochs' number

// ---- the worker ----

function ask(does, more = {}) {
  return new Promise(resolve => {
    waiting.set(++asked, resolve);
    // The copy of a machine is large, so it is transferred, not copied.
    worker.postMessage({ does, id: asked, ...more }, more.snapshot ? [more.snapshot.buffer] : []);
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
  for (const name in BUTTONS) $(name).disabled = running !== (name === "stop");
}

// One action at a time. A request while the machine runs is dropped.
async function act(does, more) {
  if (busy) return null;
  busy = true;
  set_running(true);
  const answer = await ask(does, more);
  ({ state, off } = answer);
  breakpoints = new Map(answer.breakpoints);
  show(answer);
  busy = false;
  set_running(false);
  return answer;
}

const command = line => act("command", { line: bochs_command(line, sources.named) });

// Shows the trace of the run so far in a new window.
async function timeline() {
  const read = async (address, length) => (await ask("read", { address, length })).value;
  const made = await timeline_of(sources.trace, read, at => sources.name(at));
  if (!made) return prompt.print("There is no trace: the command line has no trace=KIB.\n");
  const data = JSON.stringify(made);
  const page = new TextDecoder().decode(parts.timeline)
    .replace("/*DATA*/null", () => data.replaceAll("<", "\\u003c"));
  open(URL.createObjectURL(new Blob([page], { type: "text/html" })));
}

// ---- display ----

function show({ from, latest, owners }) {
  $("time").textContent = `t=${state.t}  ${sources.name(state.rip)}`;
  Object.assign($("bar"), { min: from, max: latest });
  if (!seeking) $("bar").value = state.t;
  show_registers(state, shown, owners, at => sources.name(at));
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

// Sets or deletes a breakpoint at this line of the shown file.
function toggle({ target }) {
  const line = [...$("lines").children].indexOf(target.closest("li")) + 1;
  const address = line && sources.address(file, line), set = breakpoints.get(address);
  if (address && !busy) prompt.type(set ? `d ${set}` : `lb 0x${address.toString(16)}`);
}

// ---- buttons and keys ----

let seeking = false;
async function seek() {
  if (seeking || busy) return;
  seeking = true;
  for (let to; to !== Number($("bar").value); )
    await act("go", { to: to = Number($("bar").value) });
  seeking = false;
}

function wire() {
  for (const [name, run] of Object.entries(BUTTONS)) $(name).onclick = run;
  document.addEventListener("keydown", event => {
    const key = (event.shiftKey ? "Shift-" : "") + event.key;
    const button = document.querySelector(`[data-key="${CSS.escape(key)}"]:enabled`);
    if (!button) return;
    event.preventDefault();
    button.click();
  }, true);
  $("lines").onclick = toggle;
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
  const fit = new FitAddon.FitAddon();
  terminal.loadAddon(fit);
  terminal.open($("console"));
  terminal.onData(data =>
    worker.postMessage({ does: "keys", bytes: new TextEncoder().encode(data) }));
  new ResizeObserver(() => fit.fit()).observe($("console"));
  return terminal;
}

// ---- start ----

// Starts a new machine with these files, from the snapshot, or from power-on without one.
async function start(files, snapshot) {
  worker?.terminate();
  waiting = new Map();
  busy = false;
  shown = null;
  console_.reset();
  worker = new Worker(script_of(parts.worker));
  worker.onmessage = on_message;
  await act("start", { files, snapshot, wasm: await wasm, owners: sources.owners });
}

// Starts at the kernel's first C, with this command line. Another kernel has its own pack.
async function boot(line, pack) {
  const machine = pack ? await load(pack) : parts;
  $("words").value = line;
  use_table(machine.table);
  const snapshot = machine.snapshot.slice();
  with_words(snapshot.subarray(...as_json(machine.room)), line);
  await start({}, snapshot);
}

function use_table(bytes) {
  sources = new Sources(as_json(bytes));
  file = -1;
  $("file").replaceChildren(...sources.files.map((name, i) => new Option(name, i)));
  prompt.names = [...sources.named.keys()];
}

// Starts the user's own kernel.elf or ISO, with its table from `make web-table`. BIOS and GRUB run.
async function boot_dropped(files) {
  const { iso, ...firmware } = await load("boot.pack.gz");
  let cd = iso;
  tour.end();
  for (const dropped of files) {
    const bytes = new Uint8Array(await dropped.arrayBuffer());
    if (dropped.name.endsWith(".json")) use_table(bytes);
    else if (dropped.name.endsWith(".iso")) cd = bytes;
    else cd = with_words(with_kernel(iso, bytes), $("words").value);
  }
  await start({ ...firmware, iso: cd, symbols: new TextEncoder().encode(sources.symbols_text) });
  await command("lb kernel_main");
  await command("c");
  await act("begin");
}

// Follows the address of the page: #tour=NAME&step=N, or #run=PROGRAM&b=FUNCTION. Instead of a
// program there may be a word for the kernel, which has a "=".
async function follow() {
  const wanted = new URLSearchParams(location.hash.slice(1)), run = wanted.get("run");
  const chosen = parts.tours.find(({ name }) => name === wanted.get("tour"));
  tour.end();
  $("tours").value = chosen?.name ?? "";
  await boot(chosen?.words ?? (run ? WORDS + (run.includes("=") ? " " : " -- ") + run : WORDS),
             chosen?.pack);
  if (chosen) await tour.begin(chosen, Number(wanted.get("step") ?? 1));
  for (const name of wanted.getAll("b")) await prompt.type("b " + name);
  if (wanted.has("b")) await prompt.type("c");
}

async function main() {
  parts = await load("dr7.pack.gz");
  wasm = WebAssembly.compile(parts.wasm);
  parts.tours = as_json(parts.tours);
  for (const script of [parts.xterm, parts.fit]) await import(script_of(script));
  console_ = open_console();
  prompt = new Prompt(command, () => $("stop").click());
  tour = new Tour($("tour"), line => prompt.type(line));
  $("tours").append(...parts.tours.map(({ name, title }) => new Option(title, name)));
  wire();
  await follow();
}

// For tests, and for the browser's own console.
window.dr7 = { type: line => prompt.type(line), go: to => act("go", { to }),
               next: () => tour.next(), console: () => console_,
               get state() { return state; }, get busy() { return busy || prompt.busy; } };
window.dr7.ready = main();
