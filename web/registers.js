// The registers as tables. Changes since the last stop are marked.
const GENERAL = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
                 "r12", "r13", "r14", "r15", "rip", "rflags", "cr0", "cr2", "cr3", "cr4", "cs",
                 "gs"];
const FLAGS = { 0: "CF", 2: "PF", 4: "AF", 6: "ZF", 7: "SF", 8: "TF", 9: "IF", 10: "DF", 11: "OF",
                16: "RF" };
const KIND = ["execute", "write", "I/O", "read or write"];
const LENGTH = [1, 2, 8, 4];
const BY = ["L", "G", "L and G"];
const hex = (value, digits = 16) => value.toString(16).padStart(digits, "0");
const bits = (value, names) => Object.entries(names)
  .filter(([bit]) => value >> BigInt(bit) & 1n).map(([, name]) => name).join(" ");

// The condition of register n in DR7; "": it is off.
function watches(dr7, n) {
  const enabled = Number(dr7 >> BigInt(2 * n) & 3n), how = Number(dr7 >> BigInt(16 + 4 * n) & 15n);
  if (!enabled) return "";
  const bytes = LENGTH[how >> 2];
  return `${KIND[how & 3]}, ${bytes} byte${bytes > 1 ? "s" : ""}, ${BY[enabled - 1]}`;
}

const dr6_says = dr6 => bits(dr6, { 0: "B0", 1: "B1", 2: "B2", 3: "B3", 13: "BD", 14: "BS",
                                    15: "BT" });

function fill(table, rows) {
  table.replaceChildren(table.caption, ...rows.map(({ name, value, more, is_new }) => {
    const row = document.createElement("tr"), button = document.createElement("button");
    button.textContent = name.toUpperCase();
    button.dataset.name = name;
    row.insertCell().append(button);
    for (const text of [value, more]) row.insertCell().textContent = text;
    row.cells[1].className = is_new ? "new" : "";
    return row;
  }));
}

export function show_registers(state, before, owners, name_of) {
  const row = (name, digits, more = "") => ({
    name, value: hex(state[name], digits), more,
    is_new: before !== null && before[name] !== state[name] });
  fill(document.getElementById("debug"), [
    ...[0, 1, 2, 3].map(n => {
      const kind = watches(state.dr7, n) || owners[n] && "off";
      const said = kind ? [kind, name_of(state["dr" + n]), owners[n]] : [];
      return row("dr" + n, 16, said.filter(Boolean).join("; "));
    }),
    row("dr6", 8, dr6_says(state.dr6)),
    row("dr7", 8, bits(state.dr7, { 13: "GD" })),
  ]);
  fill(document.getElementById("general"), GENERAL.map(name =>
    row(name, name === "cs" ? 4 : 16, name === "rip" ? name_of(state.rip)
      : name === "rflags" ? bits(state.rflags, FLAGS) : "")));
}
