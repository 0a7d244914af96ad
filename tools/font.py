# Makes the C header of the font for the kernel's framebuffer: ASCII, 8 by 16, from GRUB's copy of
# GNU Unifont (format: GRUB's manual, "Font file format").
#
#   font.py >font.h
import struct

from settings import plainly

SOURCE = "/usr/share/grub/ascii.pf2"  # of the package grub-common
WIDTH, HEIGHT, GLYPHS = 8, 16, 128
BASE = 14  # lines above the base line of the letters


def sections(data):
    """Yields (name, start, length) of each section. The lengths are not checked."""
    at = 0
    while at < len(data):
        name, length = struct.unpack_from(">4sI", data, at)
        yield name, at + 8, length
        at += 8 + length


def rows_of(data, at):
    """The rows of the glyph at this place, as bytes."""
    width, height, left, bottom, _ = struct.unpack_from(">HHhhh", data, at)
    bits = int.from_bytes(data[at + 10:at + 10 + (width * height + 7) // 8], "big")
    bits >>= -(width * height) % 8
    rows, top = [0] * HEIGHT, BASE - bottom - height
    for y in range(height):
        row = bits >> (height - 1 - y) * width & (1 << width) - 1
        if 0 <= top + y < HEIGHT:
            rows[top + y] = (row << WIDTH >> left + width) & (1 << WIDTH) - 1
    return rows


def glyphs():
    """The rows of each character's picture; a row is a byte."""
    with open(SOURCE, "rb") as f:
        data = f.read()
    index = next((at, n) for name, at, n in sections(data) if name == b"CHIX")
    found = [(0,) * HEIGHT] * GLYPHS
    for at in range(index[0], sum(index), 9):
        code, _, where = struct.unpack_from(">IBI", data, at)
        if 0x20 <= code < 0x7f:
            found[code] = tuple(rows_of(data, where))
    return found


def main():
    print(f"enum {{ FONT_WIDTH = {WIDTH}, FONT_HEIGHT = {HEIGHT}, FONT_GLYPHS = {GLYPHS} }};")
    print("static const unsigned char font[FONT_GLYPHS][FONT_HEIGHT] = {")
    for rows in glyphs():
        print("    {" + ", ".join(map(str, rows)) + "},")
    print("};")


if __name__ == "__main__":
    plainly(main)
