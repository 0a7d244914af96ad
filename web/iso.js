// A CD, or a machine's memory that was read from one, with another command line or another kernel.
const BLOCK = 2048, KERNEL = /kernel\.elf;1/g, ROOM = /'?room=x+'?/g;
const as_text = bytes => new TextDecoder("latin1").decode(bytes);  // a character for each byte

// The command line that tools/web/make.py has made is nothing but room. A longer one loses its end.
export function with_words(bytes, words) {
  for (const { index, 0: { length } } of as_text(bytes).matchAll(ROOM))
    new TextEncoder().encodeInto(words.padEnd(length), bytes.subarray(index, index + length));
  return bytes;
}

// The kernel is put behind the CD's end, and the directory says so (ECMA-119, 9.1: where a file
// begins, and its length, each in both orders of bytes; its name is the byte 33 of a record).
export function with_kernel(iso, kernel) {
  const end = Math.ceil(iso.length / BLOCK);
  const whole = new Uint8Array(BLOCK * (end + Math.ceil(kernel.length / BLOCK)));
  whole.set(iso);
  whole.set(kernel, BLOCK * end);
  const view = new DataView(whole.buffer);
  for (const { index } of as_text(iso).matchAll(KERNEL)) {
    view.setUint32(index - 31, end, true);
    view.setUint32(index - 27, end, false);
    view.setUint32(index - 23, kernel.length, true);
    view.setUint32(index - 19, kernel.length, false);
  }
  return whole;
}
