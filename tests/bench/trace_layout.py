#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures other layouts of TICKS and DEFS blocks on real recordings.

    trace_layout.py TRACE...

Each block is decoded, encoded again in every layout, deflated at several levels and framed as a file would have it. A
layout that wins here on many recordings is an argument for a new version of the format; formats/TRACE-FORMAT.md
quotes the numbers that decided on the one that it describes.
"""

import pathlib
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import decode_trace as trace  # noqa: E402

LEVELS = (0, 1, 6, 9)


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def svarint(value):
    return varint(value * 2 if value >= 0 else -value * 2 - 1)


def framed(raw, level):
    """Bytes of a block in a file."""
    length = len(raw)
    if level:
        deflater = zlib.compressobj(level, zlib.DEFLATED, -15, 8)
        length = min(length, len(deflater.compress(raw) + deflater.flush()))
    return 2 + len(varint(length)) + 4 + length


def blocks(path):
    """(type, payload, segment) of all blocks."""
    segment = None
    for item in trace.items(path.read_bytes(), {"damaged_blocks": 0}):
        if item[0] != "block":
            continue
        payload = trace.inflate(item[2], item[3])
        if item[1] == trace.SEGMENT:
            segment = trace.read_segment(payload)
        yield item[1], payload, segment


# ---- TICKS ----


class Ids:
    """Stacks as numbers: as they are, less the thread's last one, or their place among its recent ones."""

    def __init__(self, how, stack):
        self.how, self.last, self.recent = how, stack, [stack]

    def encode(self, stack):
        last, self.last = self.last, stack
        if self.how == "id":
            return varint(stack)
        if self.how == "difference":
            return svarint(stack - last)
        size = int(self.how.split()[1])
        known = stack in self.recent[:size]
        number = self.recent.index(stack) if known else size + stack
        if stack in self.recent:
            self.recent.remove(stack)
        self.recent.insert(0, stack)
        return varint(number)


class TicksLayout:
    def __init__(self, name, ids="id", columns=True, places="half a byte", opening="columns"):
        self.name, self.ids, self.columns = name, ids, columns
        self.places, self.opening = places, opening

    def opening_of(self, threads):
        next_id = 0
        rows = []
        for thread, stack, state, tags in threads:
            tail = varint(state << 1 | (tags != 0)) + (varint(tags) if tags else b"")
            rows.append((varint(thread - next_id), varint(stack), tail))
            next_id = thread + 1
        if self.opening == "columns":
            rows = zip(*rows)
        return b"".join(b"".join(row) for row in rows)

    def encode(self, payload, segment):
        """The payload in this layout, and its stack samples."""
        ticks = list(trace.read_ticks(payload, segment))
        step_ns, quantum_ns = segment["step_ns"], segment["quantum_ns"]
        first_step = trace.Cursor(payload, 1)
        n, step = first_step.varint(), first_step.varint()
        threads = ticks[0][2]
        slots = {thread[0]: slot for slot, thread in enumerate(threads)}
        state = {thread[0]: list(thread) for thread in threads}
        ids = {thread[0]: Ids(self.ids, thread[1]) for thread in threads}
        head = payload[:1] + varint(n) + varint(step) + varint(len(threads))
        places, heads, stacks, states = [], bytearray(), bytearray(), bytearray()
        if not self.columns:
            stacks = states = heads
        for number, (time_ns, covers, now, _) in enumerate(ticks):
            step += covers if number else 0
            shift = 0
            if not 0 <= time_ns - step * step_ns < 4 * step_ns:
                shift = time_ns // step_ns - step
                step += shift
            place = (time_ns - step * step_ns) // quantum_ns
            escape = place >= 7 or shift or covers != 1
            if escape:
                heads += varint(covers) + svarint(shift) + varint(place)
            changes = self.changes(state, slots, ids, now)
            places.append((7 if escape else place) | (8 if changes else 0))
            for i, (slot, what, new_id, stack, rest) in enumerate(changes):
                heads += varint(slot << 4 | what | (i + 1 < len(changes))) + new_id
                stacks += stack
                states += rest
        packed = bytes(places)
        if self.places == "half a byte":
            pairs = zip(places[::2], places[1::2] + [0] * (len(places) % 2))
            packed = bytes(low | high << 4 for low, high in pairs)
        elif self.places == "none":
            packed = b""
        events = bytes(heads)
        if self.columns:
            lengths = varint(len(heads)) + varint(len(stacks)) if heads else b""
            events = lengths + bytes(heads + stacks + states)
        samples = sum(len(tick[2]) for tick in ticks)
        return head + self.opening_of(threads) + packed + events, samples

    def changes(self, state, slots, ids, now):
        """(slot, what, id of a new thread, new stack, new state and tags) for a tick."""
        found = []
        present = {thread[0] for thread in now}
        for gone in [thread for thread in state if thread not in present]:
            found.append((slots[gone], 0, b"", b"", b""))
            del state[gone]
        for thread, *place in now:
            old = state.get(thread, [None] * 4)[1:]
            new = thread not in state
            if new:
                slots[thread] = len(slots)
                ids[thread] = Ids(self.ids, 0)
            what = sum(bit for bit, a, b in zip((2, 4, 8), old, place) if a != b)
            if not what:
                continue
            stack = ids[thread].encode(place[0]) if what & 2 else b""
            rest = b"".join(varint(v) for bit, v in zip((4, 8), place[1:]) if what & bit)
            found.append((slots[thread], what, varint(thread) if new else b"", stack, rest))
            state[thread] = [thread, *place]
        return found


class AsItIs:
    name = "as it is: learning odds"

    def encode(self, payload, segment):
        return payload, sum(len(tick[2]) for tick in trace.read_ticks(payload, segment))


TICKS_LAYOUTS = [
    AsItIs(),
    TicksLayout("columns of varints, places in half a byte"),
    TicksLayout("the same in rows of changes", columns=False),
    TicksLayout("rows, opening too", columns=False, opening="rows"),
    TicksLayout("a byte for a place", places="byte"),
    TicksLayout("no times at all: jitter as a seed", places="none"),
    TicksLayout("stacks as differences", ids="difference"),
    TicksLayout("the 16 recent stacks of a thread", ids="recent 16"),
    TicksLayout("the 64 recent stacks of a thread", ids="recent 64"),
]


# ---- DEFS ----


def read_sections(payload):
    """(section, first id, rows of absolute values)."""
    c = trace.Cursor(payload, 1)
    sections = []
    while c.left():
        section = c.u8()
        first = c.varint() if section <= 5 else None
        rows = []
        a = b = 0
        for i in range(c.varint()):
            if section == 1:
                rows.append(c.string())
            elif section == 2:
                a, b = a + c.svarint(), b + c.svarint()
                rows.append((a, b, c.varint()))
            elif section == 3:
                a += c.svarint()
                rows.append((a, c.svarint()))
            elif section == 4:
                back = c.varint()
                a += c.svarint()
                rows.append((back, a))
            elif section == 5:
                n = c.varint()
                rows.append((n, *[c.varint() for _ in range(2 * n)]))
            else:
                rows.append(tuple(c.varint() for _ in range(6 if section == 6 else 5)))
        sections.append((section, first, rows))
    return sections


class DefsLayout:
    def __init__(self, name, columns=(), differences=True, functions=True):
        self.name, self.columns = name, columns
        self.differences, self.functions = differences, functions

    def fields(self, section, row, before):
        delta = (lambda new, old: svarint(new - old)) if self.differences else (lambda new, _: varint(new))
        if section == 1:
            return [varint(len(row)), row]
        if section == 2:
            return [delta(row[0], before[0]), delta(row[1], before[1]), varint(row[2])]
        if section == 3:
            return [delta(row[0], before[0]), svarint(row[1])]
        if section == 4:
            return [varint(row[0]), delta(row[1], before[1])]
        return [varint(value) for value in row]

    def encode(self, sections, functions):
        out = bytearray(b"\0")
        for section, first, rows in sections:
            if section == 2 and not self.functions:
                continue
            out.append(section)
            out += (b"" if first is None else varint(first)) + varint(len(rows))
            before = [0] * 6
            encoded = []
            for row in rows:
                encoded.append(self.fields(section, row, before))
                if section == 3 and not self.functions:
                    name, file, line = functions[row[0]]
                    old = functions[before[0]]
                    encoded[-1] = [svarint(name - old[0]), svarint(file - old[1]), varint(line), svarint(row[1])]
                before = row if section != 1 else before
            if section in self.columns:
                encoded = zip(*encoded)
            out += b"".join(b"".join(row) for row in encoded)
        return bytes(out)


DEFS_LAYOUTS = [
    DefsLayout("as it is"),
    DefsLayout("columns", columns=(2, 3, 4)),
    DefsLayout("ids as they are", differences=False),
    DefsLayout("frames without functions", functions=False),
]


# ---- tables ----


def print_rows(title, unit, rows):
    print(f"  {title:<42}" + "".join(f"  level {level}" for level in LEVELS) + f"   ({unit})")
    for name, values in rows:
        print(f"  {name:<42}" + "".join(f"{value:>9.3f}" for value in values))


def measure(path):
    found = list(blocks(path))
    ticks = [(payload, segment) for kind, payload, segment in found if kind == trace.TICKS]
    rows = []
    for layout in TICKS_LAYOUTS:
        encoded = [layout.encode(*block) for block in ticks]
        samples = sum(count for _, count in encoded)
        sizes = [sum(framed(raw, level) for raw, _ in encoded) / samples for level in LEVELS]
        rows.append((layout.name, sizes))
    print(f"{path.name}: {len(ticks)} blocks of ticks, {samples} stack samples")
    print_rows("TICKS", "bytes a stack sample", rows)

    sections = [read_sections(payload) for kind, payload, _ in found if kind == trace.DEFS]
    # Ids begin anew with each segment; frames without functions are measured in the first one.
    functions = {0: (0, 0, 0)}
    for block in sections:
        for section, first, rows_ in block:
            if section == 2:
                functions.update(enumerate(rows_, first))
    definitions = sum(len(rows_) for block in sections for _, _, rows_ in block)
    rows = []
    for layout in DEFS_LAYOUTS:
        encoded = [layout.encode(block, functions) for block in sections]
        rows.append((layout.name, [sum(framed(raw, n) for raw in encoded) / definitions for n in LEVELS]))
    print_rows("DEFS", f"bytes a definition, {definitions} of them", rows)
    stored = path.stat().st_size
    print(f"  the whole file: {stored} bytes, {stored / samples:.3f} a stack sample")


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: trace_layout.py TRACE...")
    for name in sys.argv[1:]:
        measure(pathlib.Path(name))


if __name__ == "__main__":
    main()
