// Unpacks the file of tools/web/pack.py: named parts in one file.

// Joins the new bytes, and between them copies of earlier bytes.
function lengthened(bytes) {
  const [length, count] = new Uint32Array(bytes.buffer, 0, 2);
  const columns = new Uint32Array(bytes.buffer, 8, 3 * count), whole = new Uint8Array(length);
  for (let n = 0, at = 0, from = 8 + 12 * count; n < count; n++) {
    const [fresh, start, again] = [0, 1, 2].map(column => columns[column * count + n]);
    whole.set(bytes.subarray(from, from += fresh), at);
    whole.copyWithin(at += fresh, start, start + again);
    at += again;
  }
  return whole;
}

// Returns name -> bytes, from a file beside the page, or from its copy in the page. It is unpacked
// while it loads.
export async function load(name) {
  const here = document.getElementById(name);
  const answer = await fetch(here ? "data:;base64," + here.textContent.trim() : name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  const stream = answer.body.pipeThrough(new DecompressionStream("gzip"));
  const bytes = lengthened(new Uint8Array(await new Response(stream).arrayBuffer()));
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const names = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  let at = 4 + length;
  return Object.fromEntries(names.map(([name, size]) => [name, bytes.subarray(at, at += size)]));
}
