// Other files on a CD: they are put behind its end, and its directory says so (ECMA-119, 9.1: where
// a file begins, and its length, each in both orders of bytes).
const BLOCK = 2048;

export function with_files(iso, files) {
  const blocks = bytes => Math.ceil(bytes.length / BLOCK);
  let end = blocks(iso);
  const whole = new Uint8Array(BLOCK * (end + Object.values(files)
    .reduce((sum, bytes) => sum + blocks(bytes), 0)));
  whole.set(iso);
  const view = new DataView(whole.buffer);
  for (const [name, bytes] of Object.entries(files)) {
    whole.set(bytes, end * BLOCK);
    for (const at of records(whole.subarray(0, iso.length), name)) {
      view.setUint32(at + 2, end, true);
      view.setUint32(at + 6, end, false);
      view.setUint32(at + 10, bytes.length, true);
      view.setUint32(at + 14, bytes.length, false);
    }
    end += blocks(bytes);
  }
  return whole;
}

// Where the directory has a file of this name, by the name's place in a record.
function records(iso, name) {
  const wanted = new TextEncoder().encode(name + ";1"), found = [];
  for (let i = iso.indexOf(wanted[0], 33); i >= 0; i = iso.indexOf(wanted[0], i + 1))
    if (iso[i - 1] === wanted.length && wanted.every((byte, k) => iso[i + k] === byte))
      found.push(i - 33);
  return found;
}

export function boot_config(words) {
  const quoted = words.trim().split(/\s+/).filter(Boolean)
    .map(word => "'" + word.replaceAll("'", "'\\''") + "'").join(" ");
  return new TextEncoder().encode(`multiboot2 /boot/kernel.elf ${quoted}\n`
    + "module2 /boot/rootfs.cpio\nset gfxpayload=text\nboot\n");
}
