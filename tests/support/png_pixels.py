# SPDX-License-Identifier: Apache-2.0
"""The pixels of a screenshot, read with nothing but zlib: 8 bits a channel, RGB or RGBA, not interlaced."""

import struct
import zlib


def chunks(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("no PNG file")
    at = 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8:at + 8 + length]
        at += length + 12


def paeth(left, up, corner):
    near = {abs(up - corner): left, abs(left - corner): up, abs(left + up - 2 * corner): corner}
    # Equal distances: left before up before corner.
    best = min(abs(up - corner), abs(left - corner), abs(left + up - 2 * corner))
    return left if best == abs(up - corner) else up if best == abs(left - corner) else near[best]


def unfilter(kind, row, before, size):
    for i, byte in enumerate(row):
        left, up, corner = row[i - size] if i >= size else 0, before[i], before[i - size] if i >= size else 0
        add = (0, left, up, (left + up) // 2, paeth(left, up, corner) if kind == 4 else 0)[kind]
        row[i] = (byte + add) & 255
    return row


class Pixels:
    """pixels[x, y] is (red, green, blue)."""

    def __init__(self, data):
        parts = list(chunks(data))
        self.width, self.height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", parts[0][1])
        if depth != 8 or color not in (2, 6) or interlaced:
            raise ValueError("a PNG of another kind")
        self.size = 3 if color == 2 else 4
        raw = zlib.decompress(b"".join(body for kind, body in parts if kind == b"IDAT"))
        line, self.rows = self.width * self.size, []
        before = bytes(line)
        for y in range(self.height):
            at = y * (line + 1)
            before = unfilter(raw[at], bytearray(raw[at + 1:at + 1 + line]), before, self.size)
            self.rows.append(before)

    def __getitem__(self, place):
        x, y = place
        return tuple(self.rows[y][x * self.size:x * self.size + 3])

    def runs(self, y, left, right, least=2):
        """[(begin, end, color)] of neighbours of one colour in a row, leaving out short ones (gaps, edges, letters)."""
        out, begin = [], left
        for x in range(left + 1, right + 1):
            if x == right or self[x, y] != self[begin, y]:
                if x - begin >= least:
                    out.append((begin, x, self[begin, y]))
                begin = x
        return out
