// Changes the command line or the kernel of a CD, or of a machine's memory that was loaded from it.
const BLOCK = 2048, KERNEL = /kernel\.elf;1/g, ROOM = /'?room=x+'?/g;
const as_text = bytes => new TextDecoder("latin1").decode(bytes);  // a character for each byte

// The command line of tools/web/make.py is only room. A longer one is cut off.
export function with_words(bytes, words) {
  for (const { index, 0: { length } } of as_text(bytes).matchAll(ROOM))
    new TextEncoder().encodeInto(words.padEnd(length), bytes.subarray(index, index + length));
  return bytes;
}

// The kernel is added after the end of the CD, and the directory points to it (ECMA-119, 9.1: start
// and length of a file, each in both byte orders; the name is at byte 33 of a record).
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
