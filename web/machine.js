// The worker: Bochs and its debugger (driver.cc), copies of its memory, and the way back to a tick.
// It answers the messages that `does` names; what it says itself is {is: "console", "screen" (all
// of the console anew), "text" or "running", ...}.
//
// The run is determined by the tick of every key: so a copy of the whole memory of Bochs, and the
// keys since, lead to each later tick again.
"use strict";

const PAGE = 4096;         // of Bochs' memory, in bytes: what a copy is made of
const SLICE = 12;          // milliseconds that the machine runs before messages are looked at
const PACE = 50000;        // ticks in a millisecond of the machine's time (bochsrc: ips)
const MEMORY = 32 << 20;   // of the machine, in bytes (bochsrc)
const COPIES = 6;          // kept besides the first
const APART = 4e6;         // ticks from one copy to the next while the machine runs
const [OVER, OFF] = [1, 2];  // how a command ended (driver.cc)
const STATE = ["t", "icount", "rip", "rflags", "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi",
               "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "dr0", "dr1", "dr2",
               "dr3", "dr6", "dr7", "cr0", "cr2", "cr3", "cr4", "cs", "gs", "memory"];

let bochs, memory, words;           // the module, and its memory as bytes and as words
let base;                           // the first copy, whole
let copies = [];                    // {t, pages: [number, bytes, ...], commands}, by t
let keys = [], typed = [], next;    // what was sent when: {t, byte}; what waits; the next to repeat
let commands = [];                  // those that set and delete breakpoints
let text = "", sent = [];           // what Bochs and COM1 have said since it was passed on
let log = [];                       // all that COM1 has said: {t, byte}, by t
let speed = 30000;                  // ticks in a millisecond
let latest = 0;                     // the latest tick that was reached with these keys
let busy = false, stopping = false, off = false;

const say = (is, more) => postMessage({ is, ...more });
const pause = ms => new Promise(resolve => {
  if (ms > 0) return setTimeout(resolve, ms);
  const channel = new MessageChannel();
  channel.port1.onmessage = () => { channel.port1.close(); resolve(); };
  channel.port2.postMessage(0);
});

const values = () => new BigUint64Array(memory.buffer, bochs._machine_state(), STATE.length);
const value = name => values()[STATE.indexOf(name)];
const ticks = () => Number(value("t"));

function state() {
  const all = values();
  const now = Object.fromEntries(STATE.map((name, i) => [name, all[i]]));
  return { ...now, t: Number(now.t), icount: Number(now.icount) };
}

function pass_on() {
  if (sent.length) say("console", { bytes: sent });
  if (text) say("text", { text });
  sent = [];
  text = "";
}

function sends(byte) {
  sent.push(byte);
  const t = ticks();
  if (t > (log.at(-1)?.t ?? 0)) log.push({ t, byte });  // else it is said again
}

// One command for Bochs, for at most so many ticks.
function command(line, ticks) {
  const sp = bochs.stackSave(), at = bochs.stringToNewUTF8(line.slice(0, 500));
  try {
    const end = bochs._machine_command(at, Math.max(1, ticks));
    off ||= end === OFF;
    return end;
  } finally {
    bochs._free(at);
    bochs.stackRestore(sp);
  }
}

// The same, and nothing is printed: what would have been.
function quietly(line, ticks = 1e15) {
  const before = text;
  text = "";
  command(line, ticks);
  const said = text;
  text = before;
  return said;
}

// ---- forward ----

// Runs a command to its end, in slices. `more(before)`: how it is taken up again after a slice.
async function run(line, more = () => "c") {
  stopping = false;
  say("running");
  let before = state(), begun = performance.now(), first = before.t;
  for (;;) {
    const start = performance.now();
    const end = command(line, speed * SLICE);
    const now = state(), took = performance.now() - start;
    if (took > 1 && now.t - before.t > 1000) speed = 0.7 * speed + 0.3 * (now.t - before.t) / took;
    pass_on();
    if (end !== OVER) break;
    line = more(before, now);
    if (now.t - (copies.at(-1)?.t ?? 0) > APART) keep();
    before = now;
    // A machine that waits is not to run ahead of the clock on the wall.
    await pause(Math.min(50, (now.t - first) / PACE - (performance.now() - begun)));
    if (stopping || !line) {
      bochs._machine_where();
      break;
    }
  }
}

// On to an address; whoever comes there on a lower stack has only been called.
async function until(address, rsp) {
  do {
    bochs._machine_until(Number(address >> 32n), Number(address & 0xffffffffn));
    await run("c");
    bochs._machine_until(0, 0);
  } while (!stopping && !off && state().rip === address && state().rsp < rsp);
}

// ---- back ----

const differs = page => {
  const end = (page + 1) * PAGE / 4;
  for (let i = page * PAGE / 4; i < end; i++) if (words[i] !== base.words[i]) return true;
  return false;
};

// A copy of this moment. Of those that are old enough not to be missed much, one goes.
function keep() {
  const pages = [];
  for (let page = 0; page < memory.length / PAGE; page++)
    if (differs(page)) pages.push([page, memory.slice(page * PAGE, (page + 1) * PAGE)]);
  const now = ticks();
  copies.push({ t: now, pages, commands: commands.length });
  copies.sort((a, b) => a.t - b.t);
  if (copies.length <= COPIES) return;
  // the one whose neighbours are nearest to each other, seen from now
  const cost = i => (copies[i + 1].t - (copies[i - 1]?.t ?? base.t))
    / (Math.abs(now - copies[i].t) + APART);
  let worst = 0;
  for (let i = 1; i < copies.length - 1; i++)
    if (copies[i].t !== now && cost(i) < cost(worst)) worst = i;
  copies.splice(worst, 1);
}

function restore(copy) {
  memory.set(base.bytes);
  for (const [page, bytes] of copy.pages) memory.set(bytes, page * PAGE);
  off = false;
  typed = [];
  next = keys.findIndex(key => key.t > copy.t);
  if (next < 0) next = keys.length;
  bochs._machine_until(0, 0);
}

const copy_before = t => copies.findLast(copy => copy.t <= t) ?? base.copy;

// On to this tick, whatever breakpoints there are.
function reach(t) {
  for (let now = ticks(); now < t && !off; now = ticks()) quietly("c", t - now);
}

// To the first stop at tick `t` or later, from a copy; the breakpoints of today are in force there.
function go(t) {
  const copy = copy_before(t);
  restore(copy);
  reach(t);
  for (const line of commands.slice(copy.commands)) quietly(line);
  sent = [];
}

// The same, and a copy near by makes the next way back short.
function go_near(t) {
  t = Math.max(t, base.t);
  if (t - copy_before(t).t > 6e5) {
    go(t - 3e5);
    keep();
  }
  go(t);
  const now = ticks();
  say("screen", { bytes: log.filter(said => said.t <= now).map(said => said.byte) });
  bochs._machine_where();
}

// What comes now is other than what has been: the old future is forgotten.
function turn() {
  keys.length = next;
  latest = ticks();
  copies = copies.filter(copy => copy.t <= latest);
  log = log.filter(said => said.t <= latest);
}

// Whether the instruction that stands here writes DR7: 0F 23 /7, behind a prefix or none.
function writes_dr7() {
  const code = does.read({ address: value("rip"), length: 4 });
  const at = code?.[0] >> 4 === 4 ? 1 : 0;
  return code?.[at] === 0x0f && code[at + 1] === 0x23 && (code[at + 2] >> 3 & 7) === 7;
}

// The last tick before now at which an instruction stands that changes a register, or writes DR7;
// null: there is none. What is near is found soon: ever longer pieces of time are gone through,
// from the latest one.
function last_write(name) {
  for (let end = ticks(), long = 256; end > base.t; long *= 8) {
    const begin = Math.max(base.t, end - long);
    let found = null;
    restore(copy_before(begin));
    reach(begin);
    for (let t = ticks(); t < end && !off; t = ticks()) {
      const before = value(name), writes = name === "dr7" && writes_dr7();
      quietly("s", 1e6);
      if (writes || value(name) !== before) found = t;
    }
    if (found !== null) return found;
    end = begin;
  }
  return null;
}

// The kernel's command line, which it has not read yet: RSI is where the loader's information is,
// in which this is the tag 1 (Multiboot2, 3.6), if RDI says so. A longer line loses its end.
function set_command_line(text) {
  const now = state(), machine = memory.subarray(Number(now.memory), Number(now.memory) + MEMORY);
  const view = new DataView(machine.buffer, machine.byteOffset);
  if (now.rdi !== 0x36d76289n) return;
  let tag = Number(now.rsi) + 8;
  while (view.getUint32(tag, true) !== 1) tag += view.getUint32(tag + 4, true) + 7 & ~7;
  const line = machine.subarray(tag + 8, tag + view.getUint32(tag + 4, true)).fill(0);
  new TextEncoder().encodeInto(text, line.subarray(0, -1));
}

// ---- what the page asks for ----

const SETS = /^\s*(l|v|p)?b(reak|point)?\b|^\s*d(el(ete)?)?\b|^\s*bp[de]\b|^\s*(un)?watch\b/;
const RUNS = /^\s*(c|cont|continue)\s*$/;
const STEPS = /^\s*(?:s|step)\s*(\d*)\s*$/;

const does = {
  async start({ files, wasm, snapshot, line }) {
    bochs = await Bochs({
      thisProgram: "bochs", noInitialRun: true, says: said => { text += said; }, sends,
      print: console.log, printErr: console.log,
      hasKey: t => next < keys.length ? keys[next].t <= t : typed.length > 0,
      nextKey: t => {
        if (next === keys.length) keys.push({ t, byte: typed.shift() });
        return keys[next++].byte;
      },
      instantiateWasm: (imports, done) => {
        WebAssembly.instantiate(wasm, imports).then(made => done(made.instance ?? made));
        return {};
      },
      preRun: [module => {
        Object.assign(module.ENV, { LANG: "C", BXSHARE: "/" });
        for (const [name, bytes] of Object.entries(files)) module.FS.writeFile("/" + name, bytes);
      }],
    });
    next = 0;
    bochs._machine_start();
    memory = bochs.HEAPU8;
    words = bochs.HEAP32;
    if (snapshot) for (const [page, bytes] of snapshot) memory.set(bytes, page * PAGE);
    text = "";
    if (snapshot) bochs._machine_where();
    does.begin({ line });
  },

  // From here one can go on, and come back to; with these words on the kernel's command line.
  begin({ line }) {
    if (line) set_command_line(line);
    const bytes = memory.slice();
    base = { bytes, words: new Int32Array(bytes.buffer), t: ticks() };
    base.copy = { t: base.t, pages: [], commands: commands.length };
    copies = [];
  },

  async command({ line }) {
    const steps = line.match(STEPS);
    if (/^\s*(q|quit|exit)\s*$/.test(line)) text += "This machine ends with its page.\n";
    else if (off) text += "The machine is off: go back, or start again.\n";
    else if (RUNS.test(line)) await run("c");
    else if (steps) {
      const begin = state().icount, count = Number(steps[1] || 1);
      await run(line, (before, now) => {
        const left = count - (now.icount - begin);
        return left > 0 ? `s ${left}` : "";
      });
    } else {
      if (SETS.test(line)) commands.push(line);
      command(line, 1e15);
    }
  },

  // Over a call or a repetition; everything else is a step.
  async over() {
    const [, what, bytes] = quietly("u").match(/\): (\w+).*; ([0-9a-f]+)\s*$/) ?? [];
    const { rip, rsp } = state();
    if (!/^(call|rep|int|loop)/.test(what)) return does.command({ line: "s" });
    await until(rip + BigInt(bytes.length / 2), rsp);
  },

  // On to an address on a stack that is as high, or higher.
  async until({ address, rsp }) {
    await until(address, rsp);
  },

  // Bochs' list of breakpoints.
  list() {
    return quietly("blist");
  },

  go({ to }) {
    go_near(to);
  },

  // Back to the instruction that has given a register its value.
  changed({ name }) {
    go_near(last_write(name) ?? base.t);
  },

  // One number for registers and memory of the machine, as FNV-1a has it.
  hash() {
    const at = Number(state().memory) / 4, end = at + MEMORY / 4;
    let hash = 0x811c9dc5;
    const add = word => { hash = Math.imul(hash ^ word, 0x01000193); };
    for (let i = at; i < end; i++) add(words[i]);
    for (const value of Object.values(state())) add(Number(BigInt(value) & 0xffffffffn));
    return hash >>> 0;
  },

  // What Bochs' memory and its copies take, in megabytes.
  memory() {
    const pages = copies.reduce((sum, copy) => sum + copy.pages.length, 0);
    return Math.round((2 * memory.length + pages * PAGE) / 1e6);
  },

  read({ address, length }) {
    if (!(value("cr0") >> 31n)) return null;  // no paging yet
    const at = bochs._machine_read(Number(address >> 32n), Number(address & 0xffffffffn), length);
    return at ? memory.slice(at, at + length) : null;
  },
};

onmessage = async ({ data }) => {
  if (data.does === "stop") stopping = true;
  else if (data.does === "keys") {
    turn();
    typed.push(...data.bytes);
  } else {
    if (busy) return postMessage({ answers: data.id, busy: true });
    busy = true;
    const value = await does[data.does](data);
    busy = false;
    pass_on();
    latest = Math.max(latest, ticks());
    postMessage({ answers: data.id, value, state: state(), off, from: base.t, latest });
  }
};
