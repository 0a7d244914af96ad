// Reads the kernel's trace from the memory of a machine with one CPU, and makes the data for
// page.html. trace.py and make.py make the same from lines.
const TYPES = { 0: "x", 1: "w", 3: "rw" };  // enum dr_type
const PINNED = 0x100;                       // a flag of an install
const REFUSED = 8;                          // enum trace_kind
const SIZE = 32, ROUND = 0x80;              // of a record; a bit of its kind: the ring has wrapped

// The records of the ring (sched/trace.h; struct ring, linux/sched/trace.c), oldest first, and how
// many are lost; null: there is no trace.
async function records_of(at, read) {
  const view = async (address, length) => new DataView((await read(address, length)).buffer);
  const size = at ? (await view(BigInt(at.nr_records), 8)).getBigUint64(0, true) : 0n;
  if (!size) return null;
  const ring = await view(BigInt(at.rings), 32);
  const [place, head, tail, lost] = [0, 8, 16, 24].map(o => ring.getBigUint64(o, true));
  const begin = head - tail > size ? head - size : tail;
  const all = await view(place, Number(size) * SIZE), records = [];
  for (let n = begin; n < head; n++) {
    const o = Number(n % size) * SIZE;
    const [ns, a, b] = [0, 8, 16].map(field => all.getBigUint64(o + field, true));
    records.push({ ns: Number(ns), a, b, tid: all.getUint32(o + 24, true),
                   kind: all.getUint8(o + 28) & ~ROUND, slot: all.getUint8(o + 29),
                   info: all.getUint16(o + 30, true) });
  }
  for (const record of records.filter(({ kind }) => kind === REFUSED))
    record.why = new TextDecoder().decode(await read(record.a, 64)).split("\0")[0];
  return { records, lost: Number(lost + begin - tail) };
}

// `at`: the trace's addresses in the kernel (tools/web/lines.py); `read(address, length)`: bytes;
// `name_of(address)`: "symbol+12", or "" for a program's. null: there is no trace.
export async function timeline_of(at, read, name_of) {
  const found = await records_of(at, read);
  return found && timeline(found, name_of);
}

function timeline({ records, lost }, name_of) {
  const begin = records[0]?.ns ?? 0, numbers = new Map();
  const made = { span: 0, cpus: 1, lost, names: {}, texts: [], running: [], registers: [],
                 marks: [], writes: [] };
  let runs = null;     // the task on the CPU, and since when
  const holds = [];    // the event in a register, and since when

  const number_of = text => {
    if (!numbers.has(text)) numbers.set(text, made.texts.push(text) - 1);
    return numbers.get(text);
  };
  const named = a => name_of(a).replace("+", "+0x") || "0x" + a.toString(16);
  const mark = (at, kind, text, reg = -1, event = 0, task = runs?.task ?? 0) =>
    made.marks.push([at, 0, kind, number_of(text), reg, task, event]);
  const end_run = at => {
    if (runs?.task) made.running.push([runs.at, at, 0, runs.task]);
  };
  const end_hold = (at, slot) => {
    const h = holds[slot];
    if (h) made.registers.push([h.at, at, 0, h.tid, slot, h.id, h.what, h.hits]);
    delete holds[slot];
  };

  const take = {  // enum trace_kind
    1: (at, { tid, b }) => {
      const letters = new Uint8Array(BigUint64Array.of(b).buffer);
      end_run(at);
      made.names[tid] = new TextDecoder().decode(letters).split("\0")[0];
      runs = { at, task: tid };
    },
    4: (at, { slot, a, b, tid, info }) => {
      const where = named(a).replace(/\+0x0$/, ""), type = TYPES[info & 15] ?? "?";
      const what = `${where} ${info >> 4 & 15} ${type} ${info & PINNED ? "pinned" : "flexible"}`;
      holds[slot] = { at, tid, id: Number(b), what: number_of(what), hits: 0 };
    },
    5: (at, { slot }) => end_hold(at, slot),
    6: (at, { a }) => made.writes.push([at, 0, Number(a)]),
    7: (at, { slot, a, b }) => {
      if (holds[slot]) holds[slot].hits++;
      mark(at, "hit", named(a), slot, Number(b));
    },
    8: (at, { tid, why }) => mark(at, "refused", why, -1, 0, tid),
    9: at => mark(at, "turn", "the flexible ones take turns"),
  };
  for (const record of records) {
    made.span = record.ns - begin;
    take[record.kind]?.(made.span, record);
  }
  end_run(made.span);
  holds.forEach((_, slot) => end_hold(made.span, slot));
  return made;
}
