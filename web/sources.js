// The table of tools/web/lines.py: the line of each address, and names.
export class Sources {
  constructor(table) {
    Object.assign(this, table, { symbols_text: table.symbols });
    this.texts = table.texts.map(text => text.split("\n"));
    let address = BigInt(table.base);
    this.at = BigUint64Array.from(table.at, delta => address += BigInt(delta));
    this.symbols = table.symbols.trim().split("\n").map(line => {
      const words = line.split(" ");
      return { at: BigInt("0x" + words[0]), name: words.at(-1) };
    });
    this.named = new Map(this.symbols.map(symbol => [symbol.name, symbol.at]));
  }

  // Returns {file, line} as numbers, or null.
  place(address) {
    const i = this.at.findLastIndex(at => at <= address);
    if (i < 0 || i === this.at.length - 1 || !this.line[i]) return null;
    return { file: this.file[i], line: this.line[i] };
  }

  // The first address of a line's code, or of the next line that has code; or null.
  address(file, line) {
    let best = -1;
    for (let i = 0; i < this.at.length; i++)
      if (this.file[i] === file && this.line[i] >= line
          && (best < 0 || this.line[i] < this.line[best])) best = i;
    return best < 0 ? null : this.at[best];
  }

  lines_with_code(file) {
    return new Set(this.line.filter((_, i) => this.file[i] === file));
  }

  // "name+offset", as Bochs prints it; "": not an address of the kernel.
  name(address) {
    const symbol = this.symbols.findLast(({ at }) => at <= address);
    const offset = address - (symbol?.at ?? 0n);
    if (!symbol || !(address >> 63n) || offset > 0xffffffn) return "";
    return `${symbol.name}+${offset.toString(16)}`;
  }
}
