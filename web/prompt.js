// Bochs' prompt: its output, and an input line with history and completion of names by Tab. It
// translates natural commands to Bochs' own, like `make bochs` (tools/debug.py).
const BASE = 0xffffffff80000000n;  // arch/x86/layout.h: KERNEL_BASE

export function bochs_command(line, named) {
  const [command, ...rest] = line.trim().split(/\s+/);
  const physical = word => named.has(word) ? "0x" + (named.get(word) - BASE).toString(16) : word;
  const quoted = word => named.has(word) ? `"${word}"` : word;
  const wanted = { b: "lb", break: "lb", lb: "lb", u: "u", x: "x" }[command];
  if (wanted) return [wanted, ...rest.map(quoted)].join(" ");
  if (command === "watch") return [command, rest[0], ...rest.slice(1).map(physical)].join(" ");
  return line.trim() === "info" ? "r" : line;
}

export class Prompt {
  // `run(line)` is called for each line; until it is done, only Ctrl-C works: `stop()`.
  constructor(run, stop) {
    const [said, input] = ["said", "line"].map(id => document.getElementById(id));
    Object.assign(this, { said, input, run, stop, names: [], past: [], at: 0, count: 0 });
    input.onkeydown = event => this.key(event);
    said.parentElement.onclick = () => getSelection().isCollapsed && input.focus();
    this.ready();
  }

  ready() {
    this.busy = false;
    document.getElementById("count").textContent = `<bochs:${++this.count}>`;
  }

  print(text) {
    this.said.append(text);
    this.said.parentElement.scrollTop = 1e9;
  }

  // Resolves with the whole answer of Bochs.
  async type(line) {
    const begin = this.said.textContent.length, before = this.past.at(-1) ?? "";
    this.busy = true;
    this.print(`<bochs:${this.count}> ${line}\n`);
    if (line.trim() && line !== before) this.past.push(line);
    this.at = this.past.length;
    await this.run(line.trim() || before);
    this.ready();
    return this.said.textContent.slice(begin);
  }

  complete() {
    const word = this.input.value.match(/[\w.]*$/)[0];
    const found = word ? this.names.filter(name => name.startsWith(word)).sort() : [];
    if (!found.length) return;
    let end = word.length;  // of the common beginning of the first and the last, and so of all
    while (end < found[0].length && found[0][end] === found.at(-1)[end]) end++;
    if (found.length > 1 && end === word.length) this.print(found.slice(0, 40).join("  ") + "\n");
    this.input.value += found[0].slice(word.length, end);
  }

  key(event) {
    const { key, ctrlKey } = event;
    if (key === "c" && ctrlKey && this.busy) return this.stop();
    if (!["Enter", "Tab", "ArrowUp", "ArrowDown"].includes(key) || event.shiftKey) return;
    if (key === "Tab" && !this.input.value) return;  // on to the next element
    event.preventDefault();
    if (key === "Enter" && !this.busy) {
      this.type(this.input.value);
      this.input.value = "";
    } else if (key === "Tab") this.complete();
    else if (key === "ArrowUp" && this.at > 0) this.input.value = this.past[--this.at];
    else if (key === "ArrowDown" && this.at < this.past.length)
      this.input.value = this.past[++this.at] ?? "";
  }
}
