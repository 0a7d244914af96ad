// Another kernel on a CD: it is put behind the CD's end, and the directory says so (ECMA-119, 9.1:
// where a file begins, and its length, each in both orders of bytes).
const BLOCK = 2048, NAME = new TextEncoder().encode("kernel.elf;1");

export function with_kernel(iso, kernel) {
  const end = Math.ceil(iso.length / BLOCK);
  const whole = new Uint8Array(BLOCK * (end + Math.ceil(kernel.length / BLOCK)));
  whole.set(iso);
  whole.set(kernel, BLOCK * end);
  const view = new DataView(whole.buffer);
  // The name's place in a record is the byte 33, behind its length.
  for (let i = iso.indexOf(NAME[0], 33); i >= 0; i = iso.indexOf(NAME[0], i + 1)) {
    if (iso[i - 1] !== NAME.length || !NAME.every((byte, k) => iso[i + k] === byte)) continue;
    view.setUint32(i - 31, end, true);
    view.setUint32(i - 27, end, false);
    view.setUint32(i - 23, kernel.length, true);
    view.setUint32(i - 19, kernel.length, false);
  }
  return whole;
}
