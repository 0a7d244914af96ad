// The line that is typed at Bochs' prompt: editing, history, names completed by Tab; and what Bochs
// wants for what is natural to type, as `make bochs` has it (tools/debug.py).
const BASE = 0xffffffff80000000n;  // arch/x86/layout.h: KERNEL_BASE

export function bochs_command(line, named) {
  const words = line.trim().split(/\s+/);
  const quote = word => named.has(word) ? `"${word}"` : word;
  if (words[0] === "watch")
    return words.map((word, i) => i > 1 && named.has(word)
      ? "0x" + (named.get(word) - BASE).toString(16) : word).join(" ");
  if (["b", "break", "lb", "u", "x"].includes(words[0])) {
    const rest = words.slice(1).map(quote);
    return [words[0] === "b" || words[0] === "break" ? "lb" : words[0], ...rest].join(" ");
  }
  return line.trim() === "info" ? "r" : line;
}

export class Prompt {
  // `run(line)` is called for each line; until it is done, only Ctrl-C counts: `stop()`.
  constructor(terminal, run, stop) {
    Object.assign(this, { terminal, names: [], run, stop, line: "", past: [], at: 0, busy: true });
    this.count = 0;
    terminal.onData(data => {
      for (const key of data.match(/\x1b\[.|[^]/gu) ?? []) this.key(key);
    });
  }

  ready() {
    this.busy = false;
    this.line = "";
    this.terminal.write(`<bochs:${++this.count}> `);
  }

  show(line) {
    this.terminal.write("\b \b".repeat(this.line.length) + line);
    this.line = line;
  }

  async enter(line) {
    this.show(line);
    this.busy = true;
    this.terminal.write("\r\n");
    const before = this.past.at(-1);
    if (line.trim() && line !== before) this.past.push(line);
    this.at = this.past.length;
    await this.run(line.trim() || before || "");
    this.ready();
  }

  complete() {
    const word = this.line.match(/[\w.]*$/)[0];
    const found = word ? this.names.filter(name => name.startsWith(word)).sort() : [];
    if (!found.length) return;
    let common = found[0];
    while (!found.every(name => name.startsWith(common))) common = common.slice(0, -1);
    if (found.length > 1 && common === word) {
      this.terminal.write("\r\n" + found.slice(0, 40).join("  ") + "\r\n"
                          + `<bochs:${this.count}> ` + this.line);
    }
    this.show(this.line + common.slice(word.length));
  }

  key(key) {
    if (key === "\x03") return this.busy ? this.stop() : this.show("");
    if (this.busy) return;
    if (key === "\r") this.enter(this.line);
    else if (key === "\x7f") this.show(this.line.slice(0, -1));
    else if (key === "\t") this.complete();
    else if (key === "\x15") this.show("");
    else if (key === "\x1b[A" && this.at > 0) this.show(this.past[--this.at]);
    else if (key === "\x1b[B" && this.at < this.past.length)
      this.show(this.past[++this.at] ?? "");
    else if (key >= " " && key.length === 1) this.show(this.line + key);
  }
}
