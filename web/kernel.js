// The worker's data about the kernel in Bochs: the owners of the breakpoints in the registers.
// tools/web/lines.py gives the addresses, and offsets and sizes in bytes.
let owned_at;  // null: this kernel has no such registers

// `length` bytes of the kernel's memory as a number; 0n: not mapped.
const word = (address, length = 8) =>
  (read(BigInt(address), length) ?? []).reduceRight((sum, byte) => sum << 8n | BigInt(byte), 0n);

// The owner of the breakpoint in a register, as a text.
function owner(n) {
  const at = owned_at;
  if (!at || !(word(at.used, 4) >> BigInt(n) & 1n)) return "";
  const event = word(BigInt(at.owner) + BigInt(n * at.slot));
  const [id, count, task] = ["id", "count", "target"].map(name => word(event + BigInt(at[name])));
  const name = task && new TextDecoder().decode(read(task + BigInt(at.comm), 16)).split("\0")[0];
  const who = task && `${name} (${word(task + BigInt(at.tid), 4)})`;
  return `event ${id} of ${who || "no task"}, ${count} hits`;
}
