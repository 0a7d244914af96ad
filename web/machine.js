// The worker: Bochs and its debugger (driver.cc), copies of its memory, and the way back to a tick.
// It answers the messages in `does`. Its own messages are {is: "console", "screen" (the whole
// console again), "text" or "running", ...}.
//
// The ticks of the keys determine the run. So from a copy of the whole memory of Bochs, and the
// later keys, each later tick can be reached again.

const PAGE = 4096;         // of Bochs' memory, in bytes: the unit of a copy
const SLICE = 12;          // milliseconds that the machine runs before messages are read
const PACE = 50000;        // ticks in a millisecond of the machine's time (bochsrc: ips)
const COPIES = 6;          // kept besides the first
const APART = 8e6;         // instructions from one copy to the next while the machine runs
const [OVER, OFF] = [1, 2];  // how a command ended (driver.cc)
const STATE = ["t", "icount", "rip", "rflags", "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi",
               "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "dr0", "dr1", "dr2",
               "dr3", "dr6", "dr7", "cr0", "cr2", "cr3", "cr4", "cs", "gs", "memory"];

let bochs, memory, words;           // the module, and its memory as bytes and as words
let first;                          // the copy with which the run begins
let copies = [];                    // the others, by t
let keys = [], typed = [], next;    // sent keys: {t, byte}; waiting keys; the next key to repeat
let commands = [];                  // commands that set or delete breakpoints
let text = "", sent = [];           // output of Bochs and COM1 that is not passed on yet
let log = [];                       // the whole output of COM1: {t, byte}, by t
let speed = 30000;                  // ticks in a real millisecond, at most PACE
let latest = 0;                     // the latest tick that was reached with these keys
let busy = false, stopping = false, off = false;

const say = (is, more) => postMessage({ is, ...more });
// Waits for some milliseconds, or until `wake` is called, but at least until messages were read.
let wake = () => {};
const soon = new MessageChannel();
soon.port1.onmessage = () => wake();
const pause = ms => new Promise(resolve => {
  wake = resolve;
  if (ms > 0) setTimeout(resolve, ms);
  else soon.port2.postMessage(0);
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
  if (t > (log.at(-1)?.t ?? 0)) log.push({ t, byte });  // otherwise this is a repetition
}

// Gives Bochs one command, for at most `ticks`.
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

// The same, but prints nothing and returns the output.
function quietly(line, ticks = 1e15) {
  const before = text.length;
  command(line, ticks);
  const said = text.slice(before);
  text = text.slice(0, before);
  return said;
}

// ---- forward ----

// Runs the commands of `next`, in slices, until it returns "".
async function run(next) {
  const begun = performance.now(), begin = ticks();
  say("running");
  for (let line = next(); line && !stopping; line = next()) {
    if (state().icount - (copies.at(-1) ?? first).icount > APART) keep();
    const before = ticks(), start = performance.now();
    const end = command(line, speed * SLICE);
    const ran = ticks() - before, took = performance.now() - start;
    if (took > 1 && ran > 1000) speed = Math.min(PACE, 0.7 * speed + 0.3 * ran / took);
    pass_on();
    if (end !== OVER) return;
    // A machine that waits must not be faster than real time.
    await pause(Math.min(50, (ticks() - begin) / PACE - (performance.now() - begun)));
  }
  bochs._machine_where();
}

// Runs to an address. A stop there with a lower stack is a deeper call, and does not count.
async function until(address, rsp) {
  do {
    bochs._machine_until(Number(address >> 32n), Number(address & 0xffffffffn));
    await run(() => "c");
    bochs._machine_until(0, 0);
  } while (!stopping && !off && state().rip === address && state().rsp < rsp);
}

// Goes over a call or a repetition. For every other instruction it is a step.
async function over() {
  const [, what, bytes] = quietly("u").match(/\): (\w+).*; ([0-9a-f]+)\s*$/) ?? [];
  const { rip, rsp } = state();
  if (!/^(call|rep|int|loop)/.test(what)) return does.command({ line: "s" });
  await until(rip + BigInt(bytes.length / 2), rsp);
}

// ---- back ----

const end_of_heap = () => bochs._sbrk(0);  // memory after it was never written

function is_used(page) {
  const end = (page + 1) * PAGE / 4;
  for (let i = page * PAGE / 4; i < end; i++) if (words[i]) return true;
  return false;
}

// A copy of this moment: the pages that are not all zeros, and the number of commands.
function copy() {
  const { t, icount } = state();
  const numbers = [...Array(Math.ceil(end_of_heap() / PAGE)).keys()].filter(is_used);
  const bytes = new Uint8Array(numbers.length * PAGE);
  numbers.forEach((page, i) =>
    bytes.set(memory.subarray(page * PAGE, (page + 1) * PAGE), i * PAGE));
  return { t, icount, numbers, bytes, commands: commands.length };
}

// Keeps a copy for later. One of the older copies is dropped.
function keep() {
  const now = ticks();
  copies.push(copy());
  copies.sort((a, b) => a.t - b.t);
  if (copies.length <= COPIES) return;
  // the one with the nearest neighbours, relative to its age
  const cost = i => (copies[i + 1].t - (copies[i - 1] ?? first).t)
    / (Math.abs(now - copies[i].t) + APART);
  let worst = 0;
  for (let i = 1; i < copies.length - 1; i++)
    if (copies[i].t !== now && cost(i) < cost(worst)) worst = i;
  copies.splice(worst, 1);
}

function restore(copy) {
  memory.fill(0, 0, end_of_heap());
  copy.numbers.forEach((page, i) =>
    memory.set(copy.bytes.subarray(i * PAGE, (i + 1) * PAGE), page * PAGE));
  off = false;
  typed = [];
  next = keys.filter(key => key.t <= copy.t).length;
  bochs._machine_until(0, 0);
}

const copy_before = t => copies.findLast(copy => copy.t <= t) ?? first;

// Runs to this tick, without stops at breakpoints.
function reach(t) {
  for (let now = ticks(); now < t && !off; now = ticks()) quietly("c", t - now);
}

// Goes to the first stop at tick `t` or later, from a copy, with the current breakpoints.
function go(t) {
  const copy = copy_before(t);
  restore(copy);
  reach(t);
  for (const line of commands.slice(copy.commands)) quietly(line);
  sent = [];
}

// The same, and keeps a copy near `t`, so that the next way back is short.
function go_near(t) {
  t = Math.min(Math.max(t, first.t), latest);
  if (t - copy_before(t).t > 6e5) {
    go(t - 3e5);
    keep();
  }
  go(t);
  const now = ticks();
  say("screen", { bytes: log.filter(said => said.t <= now).map(said => said.byte) });
  bochs._machine_where();
}

// From here the run may differ, so the recorded future is forgotten.
function turn() {
  keys.length = next;
  latest = ticks();
  copies = copies.filter(copy => copy.t <= latest);
  log = log.filter(said => said.t <= latest);
}

// The last tick before now with an instruction that changes a register, or writes DR7; null: there
// is none. It searches backwards through longer and longer pieces of time, so a near one is found
// soon.
function last_write(name) {
  for (let end = ticks(), long = 256; end > first.t; long *= 8) {
    const begin = Math.max(first.t, end - long);
    let found = null;
    restore(copy_before(begin));
    reach(begin);
    for (let t = ticks(); t < end && !off; t = ticks()) {
      const before = value(name), writes = name === "dr7" && quietly("u").includes("mov dr7,");
      quietly("s", 1e6);
      if (writes || value(name) !== before) found = t;
    }
    if (found !== null) return found;
    end = begin;
  }
  return null;
}

// Memory of the kernel or of the running task; null: not mapped.
function read(address, length) {
  const bytes = new Uint8Array(length);
  if (!(value("cr0") >> 31n)) return null;  // no paging yet
  for (let at = 0; at < length; at += PAGE) {
    const from = address + BigInt(at), part = Math.min(PAGE, length - at);
    const found = bochs._machine_read(Number(from >> 32n), Number(from & 0xffffffffn), part);
    if (!found) return null;
    bytes.set(memory.subarray(found, found + part), at);
  }
  return bytes;
}

// ---- requests of the page ----

const SETS = /^\s*(l|v|p)?b(reak|point)?\b|^\s*d(el(ete)?)?\b|^\s*bp[de]\b|^\s*(un)?watch\b/;
const RUNS = /^\s*(c|cont|continue)\s*$/;
const STEPS = /^\s*(?:s|step)\s*(\d*)\s*$/;
const OVER_CALLS = /^\s*(p|n|next)\s*$/;

const does = {
  // `snapshot`: of a stopped machine: the number of pages of Bochs' memory that are not all zeros,
  // their indices, the pages. Without it, a machine is switched on.
  async start({ files, wasm, snapshot, owners }) {
    bochs = await Bochs({
      noInitialRun: true, says: said => { text += said; }, sends,
      hasKey: t => next < keys.length ? keys[next].t <= t : typed.length > 0,
      nextKey: t => {
        if (next === keys.length) keys.push({ t, byte: typed.shift() });
        return keys[next++].byte;
      },
      instantiateWasm: (imports, done) => done(new WebAssembly.Instance(wasm, imports)) ?? {},
      preRun: [({ FS }) => {
        for (const [name, bytes] of Object.entries(files)) FS.writeFile("/" + name, bytes);
      }],
    });
    ({ HEAPU8: memory, HEAP32: words } = bochs);
    owned_at = owners;
    next = 0;
    if (!snapshot) {
      bochs._machine_start();
      text = "";
      return does.begin();
    }
    const count = new DataView(snapshot.buffer).getUint32(0, true);
    first = { numbers: [...new Uint32Array(snapshot.buffer, 4, count)],
              bytes: snapshot.subarray(4 + 4 * count), commands: 0 };
    restore(first);
    Object.assign(first, state());
    bochs._machine_where();
  },

  // The first copy: the run can go on from here, and come back.
  begin() {
    first = copy();
    copies = [];
  },

  async command({ line }) {
    const steps = line.match(STEPS);
    if (/^\s*(q|quit|exit)\s*$/.test(line)) text += "This machine ends with its page.\n";
    else if (off) text += "The machine is off: go back, or start again.\n";
    else if (RUNS.test(line)) await run(() => "c");
    else if (OVER_CALLS.test(line)) await over();
    else if (steps) {
      const end = state().icount + Number(steps[1] || 1);
      await run(() => state().icount < end ? `s ${end - state().icount}` : "");
    } else {
      if (SETS.test(line)) commands.push(line);
      command(line, 1e15);
    }
  },

  // Runs to the caller's RIP. It is on top of the stack when a function begins, and above RBP after
  // RBP was pushed and set. `offset`: from the function's start; `push rbp` has one byte, and the
  // `mov` after it three.
  async out({ offset }) {
    const { rsp, rbp } = state();
    const at = offset === 0 ? rsp : offset < 4 ? rsp + 8n : rbp + 8n;
    if (read(at, 8)) await until(word(at), at);
  },

  go: ({ to }) => go_near(to),

  // Goes back to the instruction that has set a register.
  changed({ name }) {
    go_near(last_write(name) ?? first.t);
  },

  read: ({ address, length }) => read(address, length),
};

// Bochs' own numbers of breakpoints at linear addresses.
const breakpoints = () => off ? [] : [
  ...quietly("blist").matchAll(/^ *(\d+) lbreakpoint +keep y +0x(\w+)/gm)]
  .map(([, number, address]) => [BigInt("0x" + address), number]);

onmessage = async ({ data }) => {
  if (data.does === "stop") {
    stopping = true;
    wake();
  } else if (data.does === "keys") {
    turn();
    typed.push(...data.bytes);
    wake();
  } else {
    if (busy) return postMessage({ answers: data.id, busy: true });
    busy = true;
    stopping = false;
    const value = await does[data.does](data);
    busy = false;
    pass_on();
    latest = Math.max(latest, ticks());
    postMessage({ answers: data.id, value, state: state(), off, from: first.t, latest,
                  breakpoints: breakpoints(), owners: [0, 1, 2, 3].map(owner) });
  }
};
