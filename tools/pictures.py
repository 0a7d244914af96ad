# Draws docs/pictures/NAME.svg from docs/pictures/NAME.txt, which is a picture in plain text. The
# text is the only source: the docs show the SVG, and sources show the text in a comment.
#
#   pictures.py            draws all of them
#   pictures.py --check    says which files differ from their source
#
# In the text, lines consist of - | and +, with arrow heads > < v ^ at their ends. A run of one of
# the characters # = : ? is a bar. Everything else is text.
import glob
import os
import re
import subprocess
import sys

FOLDER = "docs/pictures"
CELL_W, CELL_H = 8, 17  # pixels of a character
BAR = {"#": "bar1", "=": "bar2", ":": "bar3", "?": "bar4"}
SHOWN = re.compile(r"^\s*// Picture: (docs/pictures/\w+\.txt)$")

# The colours follow the reader's choice of a light or a dark page.
STYLE = """
text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328; white-space: pre }
path { stroke: #57606a; stroke-width: 1.5; fill: none }
.head { fill: #57606a; stroke: none }
.bar1 { fill: #54aeff } .bar2 { fill: #4ac26b } .bar3 { fill: #d4a72c } .bar4 { fill: #fa7970 }
.page { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } path { stroke: #8d96a0 } .head { fill: #8d96a0 } .page { fill: #0d1117 }
}
"""


class Picture:
    """A grid of characters, and which of them are lines."""

    def __init__(self, text):
        self.rows = text.rstrip("\n").split("\n")
        self.width = max(map(len, self.rows))
        self.drawn = set()  # (x, y) of cells that are not text
        self.lines, self.parts = [], []  # parts of the only path, and whole elements

    def at(self, x, y):
        inside = 0 <= y < len(self.rows) and 0 <= x < len(self.rows[y])
        return self.rows[y][x] if inside else " "

    def is_across(self, x, y):
        """True for a - that belongs to a line: another -, a corner or an arrow head is beside
        it."""
        return self.at(x, y) == "-" and (self.at(x - 1, y) in "-+<" or self.at(x + 1, y) in "-+>")

    def is_down(self, x, y):
        return self.at(x, y) == "|" and (self.at(x, y - 1) in "|+^" or self.at(x, y + 1) in "|+v")

    def is_joint(self, x, y):
        return self.at(x, y) == "+" and (
            self.is_across(x - 1, y) or self.is_across(x + 1, y)
            or self.is_down(x, y - 1) or self.is_down(x, y + 1))

    def draw(self):
        for y, row in enumerate(self.rows):
            for match in re.finditer(r"([#=:?])\1{2,}", row):
                self.draw_bar(match.start(), y, len(match[0]), BAR[match[1]])
            for x in range(len(row)):
                if (x, y) not in self.drawn:
                    self.draw_cell(x, y)
        for y, row in enumerate(self.rows):
            self.draw_text(y, row)

    def draw_bar(self, x, y, length, kind):
        self.parts.append(f'<rect class="{kind}" x="{x * CELL_W}" y="{y * CELL_H + 3}" '
                          f'width="{length * CELL_W}" height="{CELL_H - 5}"/>')
        self.drawn |= {(x + i, y) for i in range(length)}

    def draw_cell(self, x, y):
        cx, cy = x * CELL_W + CELL_W / 2, y * CELL_H + CELL_H / 2
        if self.is_across(x, y):
            self.line(x, y, x * CELL_W, cy, (x + 1) * CELL_W, cy)
        elif self.is_down(x, y):
            self.line(x, y, cx, y * CELL_H, cx, (y + 1) * CELL_H)
        elif self.is_joint(x, y):
            for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                if self.continues(x + dx, y + dy, dx):
                    self.line(x, y, cx, cy, cx + dx * CELL_W / 2, cy + dy * CELL_H / 2)
        else:
            self.draw_head(x, y, cx, cy)

    def continues(self, x, y, dx):
        if dx:
            return self.is_across(x, y) or self.is_joint(x, y)
        return self.is_down(x, y) or self.is_joint(x, y)

    def draw_head(self, x, y, cx, cy):
        """An arrow head is at the end of a line, and points away from it."""
        for head, dx, dy in ((">", 1, 0), ("<", -1, 0), ("v", 0, 1), ("^", 0, -1)):
            behind = (x - dx, y - dy)
            is_line = self.is_across(*behind) if dx else self.is_down(*behind)
            if self.at(x, y) == head and is_line:
                tip = (cx + dx * CELL_W / 2, cy + dy * CELL_H / 2)
                a = (tip[0] - dx * 8 + dy * 4, tip[1] - dy * 8 + dx * 4)
                b = (tip[0] - dx * 8 - dy * 4, tip[1] - dy * 8 - dx * 4)
                self.line(x, y, cx - dx * CELL_W / 2, cy - dy * CELL_H / 2, cx, cy)
                self.parts.append('<path class="head" d="M%g %gL%g %gL%g %gZ"/>' % (tip + a + b))

    def line(self, x, y, x1, y1, x2, y2):
        self.lines.append(f"M{x1:g} {y1:g}L{x2:g} {y2:g}")
        self.drawn.add((x, y))

    def draw_text(self, y, row):
        kept = "".join(" " if (x, y) in self.drawn else c for x, c in enumerate(row))
        for match in re.finditer(r"\S+(?: \S+)*", kept):
            word = match[0].replace("&", "&amp;").replace("<", "&lt;")
            self.parts.append(
                f'<text x="{match.start() * CELL_W}" y="{y * CELL_H + 13}" '
                f'textLength="{len(match[0]) * CELL_W}">{word}</text>')

    def svg(self):
        self.draw()
        w, h = (self.width + 2) * CELL_W, (len(self.rows) + 1) * CELL_H
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 -8 {w} {h}" width="{w}" '
                f'height="{h}">\n<style>{STYLE}</style>\n'
                f'<rect class="page" x="-8" y="-8" width="{w}" height="{h}"/>\n'
                f'<path d="{"".join(self.lines)}"/>\n' + "\n".join(self.parts) + "\n</svg>\n")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def shown_wrong(path):
    """Lines of a source whose comment names a picture, but shows it differently."""
    lines = read(path).split("\n")
    for number, line in enumerate(lines, 1):
        match = SHOWN.match(line)
        if match:
            wanted = [("// " + x).rstrip() for x in read(match[1]).rstrip("\n").split("\n")]
            if lines[number:number + len(wanted)] != wanted:
                yield f"{path}:{number}: this is not {match[1]}"


def check(pictures):
    wrong = [f"{svg}: not drawn from {source} (make pictures)" for source, svg in pictures
             if not os.path.exists(svg) or read(svg) != Picture(read(source)).svg()]
    sources = subprocess.run(["git", "ls-files", "*.[ch]"], capture_output=True, text=True,
                             check=True).stdout.split()
    for path in filter(os.path.exists, sources):
        wrong += shown_wrong(path)
    return wrong


def main():
    pictures = [(p, p[:-len("txt")] + "svg") for p in sorted(glob.glob(FOLDER + "/*.txt"))]
    if sys.argv[1:] == ["--check"]:
        wrong = check(pictures)
        print("\n".join(wrong), end="\n" if wrong else "")
        sys.exit(1 if wrong else 0)
    for source, svg in pictures:
        with open(svg, "w", encoding="utf-8") as f:
            f.write(Picture(read(source)).svg())


if __name__ == "__main__":
    main()
