# Draws the table of `make bench` as bars: dr7 and Linux on a logarithmic scale, and a line where
# dr7 would be at its bound.
#
#   plot.py TEXT PICTURE     TEXT: a file with the table, README.md for example
import html
import math
import re
import sys

from pictures import STYLE

ROW = re.compile(r"^\| (.+?) \| ([\d,]+) \| ([\d,]+) \| \d+\.\d\d \| ([\d.]+|-) \|$", re.M)
NAMES, WIDTH, BAR, GAP, HEAD = 420, 480, 9, 10, 56  # pixels
FOOT = 8


def rows_of(text):
    """Name, instructions of dr7 and of Linux, and the most that dr7 may need (None: no bound)."""
    rows = []
    for what, ours, theirs, most in ROW.findall(text):
        ours, theirs = (int(n.replace(",", "")) for n in (ours, theirs))
        rows.append((what.replace("`", ""), ours, theirs,
                     None if most == "-" else theirs * float(most)))
    return rows


def draw(rows):
    low = math.floor(math.log10(min(row[1] for row in rows)))
    high = math.ceil(math.log10(max(row[2] for row in rows)))

    def x(n):
        return round(NAMES + (math.log10(n) - low) / (high - low) * WIDTH, 1)

    width, height = NAMES + WIDTH + 90, HEAD + len(rows) * (2 * BAR + GAP) + FOOT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             f'width="{width}" height="{height}">', f"<style>{STYLE}</style>",
             f'<rect class="page" width="{width}" height="{height}"/>',
             '<rect class="bar1" x="8" y="8" width="24" height="9"/>',
             '<text x="38" y="17">dr7</text>',
             '<rect class="bar3" x="88" y="8" width="24" height="9"/>',
             '<text x="118" y="17">Linux 6.12</text>',
             '<path d="M218 5v15"/><text x="226" y="17">dr7 at most; instructions, logarithmic'
             '</text>']
    for power in range(low, high + 1):
        parts.append(f'<text x="{x(10 ** power) - 14}" y="{HEAD - 18}">{10 ** power:,}</text>'
                     f'<path d="M{x(10 ** power)} {HEAD - 12}V{height - FOOT}" opacity=".3"/>')
    for n, (what, ours, theirs, most) in enumerate(rows):
        y = HEAD + n * (2 * BAR + GAP)
        parts.append(f'<text x="8" y="{y + 14}">{html.escape(what)}</text>')
        for line, (kind, count) in enumerate((("bar1", ours), ("bar3", theirs))):
            parts.append(f'<rect class="{kind}" x="{NAMES}" y="{y + line * BAR}" '
                         f'width="{round(x(count) - NAMES, 1)}" height="{BAR - 1}"/>')
        if most:
            parts.append(f'<path d="M{x(most)} {y - 3}v{BAR + 5}"/>')
        parts.append(f'<text x="{x(theirs) + 6}" y="{y + 14}">{ours / theirs:.2f}</text>')
    return "\n".join(parts + ["</svg>", ""])


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        rows = rows_of(f.read())
    if not rows:
        sys.exit(f"dr7: {sys.argv[1]}: there is no table of make bench in it")
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write(draw(rows))


if __name__ == "__main__":
    main()
