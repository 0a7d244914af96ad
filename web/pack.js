// What tools/web/make.py has packed: named parts in one file, gzip's.
export async function gunzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export function parts_of(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let at = 4 + view.getUint32(0, true);
  const names = JSON.parse(new TextDecoder().decode(bytes.subarray(4, at)));
  return Object.fromEntries(names.map(([name, length]) => [name, bytes.slice(at, at += length)]));
}

// The pages of a copy of Bochs' memory: their numbers, then their bytes.
export function pages_of(bytes) {
  const count = new DataView(bytes.buffer).getUint32(0, true);
  const numbers = new Uint32Array(bytes.buffer, 4, count);
  return [...numbers].map((number, i) =>
    [number, bytes.subarray(4 + 4 * count + 4096 * i, 4 + 4 * count + 4096 * (i + 1))]);
}

// A file beside the page, or the part of the page that stands for it.
export async function load(name) {
  const here = document.getElementById(name);
  if (here) return Uint8Array.from(atob(here.textContent.trim()), c => c.charCodeAt(0));
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}
