#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the profile that an html page carries, or a page of `view` fetches, by what exporters/html_columns.h says; the page's own reader is page_data.js.

    tests/support/read_page.py PAGE.html     prints it as JSON
"""

import base64
import gzip
import json
import re
import sys


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed(self):
        value = self.number()
        return (value >> 1) ^ -(value & 1)

    def numbers(self, count):
        return [self.number() for _ in range(count)]

    def text(self, length):
        self.at += length
        return self.data[self.at - length:self.at].decode("utf-8", "replace")

    def json(self):
        return json.loads(self.text(self.number()))


def read_nodes(reader):
    """The stack of each node, frames' numbers root first."""
    count = reader.number()
    ups, frames = reader.numbers(count), reader.numbers(count)
    stacks = [()]
    level = []
    for up, frame in zip(ups, frames):
        if up:
            del level[-up:]
        level.append(frame)
        stacks.append(tuple(level))
    return stacks


def read_cells(reader, interval_us):
    """[(node, context, slot, count, weight in microseconds)]"""
    count = reader.number()
    nodes, contexts, lengths = reader.numbers(count), reader.numbers(count), reader.numbers(count)
    places, node = [], 0
    for delta, context, length in zip(nodes, contexts, lengths):
        node += delta
        slot = 0
        for _ in range(length):
            slot += reader.number()
            places.append((node, context, slot))
    counts = [number + 1 for number in reader.numbers(len(places))]
    return [(*place, n, reader.signed() + n * interval_us) for place, n in zip(places, counts)]


def read_page(html):
    letters = re.search(r'<script type="text/plain" id="profile">([A-Za-z0-9+/=]*)</script>', html).group(1)
    return read_profile(base64.b64decode(letters))


def read_profile(gzipped):
    reader = Reader(gzip.decompress(gzipped))
    recording, frame = reader.json(), reader.json()
    lengths = reader.numbers(reader.number())
    strings = [reader.text(length) for length in lengths]
    count = reader.number()
    names, files, lines, flags, sources = (reader.numbers(count) for _ in range(5))
    frames = [{"name": strings[n], "file": strings[f], "line": line, "flags": flag, "source": strings[s]}
              for n, f, line, flag, s in zip(names, files, lines, flags, sources)]
    stacks = read_nodes(reader)
    cells = read_cells(reader, frame["interval_us"])
    if reader.at != len(reader.data):
        raise ValueError("there is more in the page than its profile")
    return {"recording": recording, "about": frame, "frames": frames, "stacks": stacks, "cells": cells}


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as page:
        json.dump(read_page(page.read()), sys.stdout, indent=1)
