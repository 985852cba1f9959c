#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An independent decoder of the trace format, written after formats/TRACE-FORMAT.md alone.

    decode_trace.py [--totals] TRACE

Prints what is in the trace as JSON lines, the same events as tests/support/trace_events.c does. It reads the whole
file into memory and does not care for speed.
"""

import collections
import json
import math
import sys
import zlib

MAGIC = b"\xccLTR\r\n\x1a\n"
HEADER_SIZE = 16
SYNC = 0xE7
RAW_MAX = 1 << 20
PROBE = 4096
IDS_MAX = 1 << 20
STACKS_MAX = 1 << 22
STRING_MAX = 1 << 16
STRINGS_MAX = 64 << 20
TICKS_MAX = 1 << 16
SAMPLES_MAX = 1 << 26
TAGS_MAX = 64
META_MAX = 256
I64_MAX = (1 << 63) - 1
U32_MAX = (1 << 32) - 1
U64_MAX = (1 << 64) - 1

SEGMENT, DEFS, TICKS, TOTALS, SOURCES, HEALTH, END = range(1, 8)
CAUSES = ["torn", "memory", "frame", "code", "depth", "process", "limit", "away"]


class BadPayload(Exception):
    """A payload whose checksum is right but that makes no sense."""


class NotATrace(Exception):
    pass


class Unsupported(Exception):
    pass


class Cursor:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def left(self):
        return len(self.data) - self.at

    def bytes(self, n):
        if n > self.left():
            raise BadPayload("ends too early")
        self.at += n
        return self.data[self.at - n : self.at]

    def u8(self):
        return self.bytes(1)[0]

    def varint(self, maximum=U64_MAX):
        value = shift = 0
        while True:
            byte = self.u8()
            if shift == 63 and byte > 1:
                raise BadPayload("more than 64 bits")
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if value > maximum:
            raise BadPayload("too large")
        return value

    def svarint(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def id(self):
        return self.varint(IDS_MAX - 1)

    def string(self):
        return self.bytes(self.varint())


def between(value, low, high):
    if not low <= value <= high:
        raise BadPayload("out of range")
    return value


def text(data):
    return data.decode("latin-1")


# ---- blocks ----


def varint_at(data, at):
    """Value and position behind it, or (None, None) where it does not end."""
    value = shift = 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    return None, None


CUT_OFF = object()


def item_at(data, at):
    """(item, position behind it), CUT_OFF where the file ends within something, or None."""
    if data[at] == MAGIC[0]:
        header = data[at : at + HEADER_SIZE]
        if header[:8] != MAGIC[: len(header[:8])]:
            return None
        if len(header) < HEADER_SIZE:
            return CUT_OFF
        if zlib.crc32(header[:12]) != int.from_bytes(header[12:], "little"):
            return None
        return ("header", header[8], header[9]), at + HEADER_SIZE
    if data[at] != SYNC:
        return None
    if at + 1 == len(data):
        return CUT_OFF
    kind = data[at + 1]
    if kind & 0xE0 != 0xA0 or kind & 0x0F == 0:
        return None
    length, behind = varint_at(data, at + 2)
    if length is None:
        return CUT_OFF if len(data) - at < 9 else None
    if length > RAW_MAX or behind - at - 2 > 3:
        return None
    payload = data[behind + 4 : behind + 4 + length]
    if behind + 4 + length > len(data):
        return CUT_OFF
    crc = zlib.crc32(payload, zlib.crc32(data[at + 1 : behind]))
    if crc != int.from_bytes(data[behind : behind + 4], "little"):
        return None
    return ("block", kind & 0x0F, bool(kind & 0x10), payload), behind + 4 + length


def items(data, stats):
    """All headers and whole blocks, passing over what is damaged."""
    head = data[:PROBE]
    if data[:8] != MAGIC and not any(item_at(head, at) not in (None, CUT_OFF) for at in range(len(head))):
        raise NotATrace("does not begin as a trace")
    at = 0
    while at < len(data):
        start = at
        first = found = item_at(data, at)
        while found is None or found is CUT_OFF:
            at += 1
            if at == len(data):
                stats["damaged_blocks"] += first is not CUT_OFF
                return
            found = item_at(data, at)
        stats["damaged_blocks"] += at != start
        yield found[0]
        at = found[1]


def inflate(deflated, payload):
    if not deflated:
        return payload
    inflater = zlib.decompressobj(-15)
    try:
        raw = inflater.decompress(payload, RAW_MAX + 1)
    except zlib.error as error:
        raise BadPayload(str(error)) from error
    if len(raw) > RAW_MAX or not inflater.eof or inflater.unused_data:
        raise BadPayload("not one deflated payload")
    return raw


# ---- payloads ----


def read_segment(payload):
    c = Cursor(payload)
    head = {
        "number": c.varint(),
        "start_ns": c.varint(I64_MAX),
        "start_realtime_ns": c.svarint(),
        "interval_ns": c.varint(I64_MAX),
        "quantum_ns": c.varint(I64_MAX),
        "jitter": c.varint(),
        "flags": c.varint(),
        "meta": {},
    }
    for _ in range(c.varint(META_MAX)):
        key = c.string()
        head["meta"][key] = c.string()
    head["step_ns"] = head["interval_ns"] or 1_000_000_000
    return head


class Decisions:
    """The range decoder. Odds are named by what they depend on; `spent` has the bits that each kind took."""

    def __init__(self, data):
        self.c, self.beyond = Cursor(data), 0
        self.range, self.code = U32_MAX, 0
        self.odds = {}
        self.spent = collections.Counter()
        for _ in range(4):
            self.code = self.code << 8 | self.byte()

    def byte(self):
        if self.c.left():
            return self.c.u8()
        self.beyond += 1
        if self.beyond > 4:
            raise BadPayload("ends too early")
        return 0

    def refill(self):
        while self.range < 1 << 24:
            self.range <<= 8
            self.code = self.code << 8 | self.byte()

    def yes(self, *name):
        likely, asked = self.odds.get(name, (32768, 0))
        part = (self.range >> 12) * (likely >> 4)
        yes = self.code < part
        if not yes:
            self.code -= part
        left = part if yes else self.range - part
        self.spent[name[0]] += math.log2(self.range / left)
        self.range = left
        self.refill()
        share = 65536 // (asked + 2)
        likely += (65536 - likely) * share >> 16 if yes else -(likely * share >> 16)
        self.odds[name] = likely, min(asked + 1, 30)
        return yes

    def even(self, kind):
        self.range >>= 1
        bit = self.code >= self.range
        self.code -= bit * self.range
        self.spent[kind] += 1
        self.refill()
        return bit

    def number(self, *name, maximum=I64_MAX):
        length, value = 0, 1
        while length < 63 and self.yes(*name, "longer", length):
            length += 1
        for i in range(length):
            value = value << 1 | (self.yes(*name, length, value) if i < 3 else self.even(name[0]))
        return between(value - 1, 0, maximum)


def jitter_ns(segment, step):
    """Where in its step the tick is due."""
    if not segment["jitter"]:
        return 0
    x = segment["jitter"] + step + 0x9E3779B97F4A7C15 & U64_MAX
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & U64_MAX
    x = (x ^ x >> 27) * 0x94D049BB133111EB & U64_MAX
    return (x ^ x >> 31) % segment["step_ns"]


def read_ticks(payload, segment, spent=None):
    """Yields (time, covers, live threads, changes) of each tick; payload begins after the segment's byte.

    A thread is [id, stack, state, tags]; changes are [(slot, fields that are new)]. `spent`, a Counter, gets the bits by
    kind of decision.
    """
    c = Cursor(payload, 1)
    n_ticks, step, n_opening = c.varint(TICKS_MAX), c.varint(I64_MAX), c.varint(IDS_MAX)
    d = Decisions(c.bytes(c.left()))
    slots, before = [], []
    samples, changed = 0, False

    def new_thread(next_id):
        thread = between(next_id + d.number("thread"), 0, IDS_MAX - 1)
        state = d.number("state", 0, maximum=U32_MAX >> 1)
        slots.append([thread, d.number("stack", maximum=STACKS_MAX - 1), state, d.number("tags", maximum=IDS_MAX - 1)])
        before.append(slots[-1])
        return thread + 1

    def change(slot):
        """The fields that are new of a slot that changes."""
        now = slots[slot]
        if d.yes("ended"):
            slots[slot] = None
            return 0
        if d.yes("back", now[2] % 16):
            new = before[slot]
        else:
            new = now[:]
            new[2] = d.number("state", now[2] % 16, maximum=U32_MAX >> 1)
            if d.yes("moved", 1 + new[2] % 16 if new[2] != now[2] else 0):
                new[1] = d.number("stack", maximum=STACKS_MAX - 1)
            if d.yes("tagged"):
                new[3] = d.number("tags", maximum=IDS_MAX - 1)
        slots[slot], before[slot] = new, now
        return sum(bit for bit, a, b in zip((2, 4, 8), now[1:], new[1:]) if a != b)

    for n in range(n_ticks):
        covers = 1
        shift = place = 0
        if d.yes("irregular"):
            covers = 1 + d.number("covers", maximum=U32_MAX - 1)
            earlier = d.yes("earlier")
            shift = d.number("shift") * (-1 if earlier else 1)
            place = d.number("place")
        step += shift + (covers if n else 0)
        time_ns = step * segment["step_ns"] + jitter_ns(segment, step) + place * segment["quantum_ns"]
        between(time_ns, 0, I64_MAX)
        changes = []
        if n == 0:
            next_id = 0
            for _ in range(n_opening):
                next_id = new_thread(next_id)
        else:
            changed = d.yes("changed", changed)
        if n and changed:
            for slot, thread in enumerate(slots):
                if thread and d.yes("touched", bool(changes), thread[2] % 16):
                    changes.append((slot, change(slot)))
            while d.yes("another"):
                new_thread(0)
                changes.append((len(slots) - 1, 14))
        samples += len(slots)
        if samples > SAMPLES_MAX:
            raise BadPayload("too many samples")
        yield time_ns, covers, [s for s in slots if s], changes
    if spent is not None:
        spent.update(d.spent)


def read_totals(payload):
    """(end, part, is last, rows) of a TOTALS payload; a row is (thread, stack, state, tags, count, covers)."""
    c = Cursor(payload, 1)
    end_ns, part, last = c.varint(I64_MAX), c.varint(U32_MAX), c.u8() != 0
    rows = []
    stack = 0
    for _ in range(c.varint(U32_MAX)):
        thread = c.id()
        state = c.varint(U32_MAX)
        tags = c.id() if state & 1 else 0
        stack = between(stack + c.svarint(), 0, STACKS_MAX - 1)
        count = c.varint()
        covers = between(count + c.varint(), 0, U64_MAX)
        rows.append((thread, stack, state >> 1, tags, count, covers))
    return end_ns, part, last, rows


class Definitions:
    """The dictionary of a segment. What a lost block took with it is simply not there."""

    def __init__(self, emit):
        self.emit = emit
        self.strings = {0: b""}
        self.strings_bytes = 0
        self.functions = {}
        self.frames, self.stacks, self.tags = set(), {0}, {0}
        self.processes, self.threads = set(), set()

    def read(self, payload):
        c = Cursor(payload, 1)
        dense = [self.string, self.function, self.frame, self.stack, self.tag_set]
        while c.left():
            section = c.u8()
            if not 1 <= section <= 8:
                return
            if section <= 5:
                most = STACKS_MAX if section == 4 else IDS_MAX
                first = c.varint(most - 1)
                before = [0, 0]
                for i in range(c.varint(most - first)):
                    dense[section - 1](c, first + i, before)
            else:
                for _ in range(c.varint(IDS_MAX)):
                    {6: self.process, 7: self.thread, 8: self.hosted_process}[section](c)

    def string(self, c, i, _before):
        value = c.string()
        self.strings_bytes += len(value)
        if i in self.strings or len(value) > STRING_MAX or self.strings_bytes > STRINGS_MAX:
            raise BadPayload("string")
        self.strings[i] = value

    def function(self, c, i, before):
        before[0] = between(before[0] + c.svarint(), 0, IDS_MAX - 1)
        before[1] = between(before[1] + c.svarint(), 0, IDS_MAX - 1)
        first_line = c.varint(U32_MAX)
        if i in self.functions:
            raise BadPayload("function")
        known = before[0] in self.strings and before[1] in self.strings
        self.functions[i] = (before[0], before[1], first_line) if known else None

    def frame(self, c, i, before):
        before[0] = between(before[0] + c.svarint(), 0, IDS_MAX - 1)
        beyond = c.svarint()
        if i in self.frames:
            raise BadPayload("frame")
        function = self.functions.get(before[0])
        if function is None:
            return
        name, file, first_line = function
        line = between(first_line + beyond, 0, U32_MAX)
        self.frames.add(i)
        self.emit(
            "frame",
            id=i,
            name=text(self.strings[name]),
            file=text(self.strings[file]),
            line=line,
            first_line=first_line,
        )

    def stack(self, c, i, before):
        back = c.varint(U32_MAX)
        before[0] = between(before[0] + c.svarint(), 0, IDS_MAX - 1)
        if i in self.stacks or back > i - 1:
            raise BadPayload("stack")
        parent = i - 1 - back
        if parent in self.stacks and before[0] in self.frames:
            self.stacks.add(i)
            self.emit("stack", id=i, parent=parent, frame=before[0])

    def tag_set(self, c, i, _before):
        pairs = [(c.id(), c.id()) for _ in range(c.varint(TAGS_MAX))]
        if i in self.tags:
            raise BadPayload("tags")
        if all(s in self.strings for pair in pairs for s in pair):
            self.tags.add(i)
            self.emit(
                "tags",
                id=i,
                tags=[[text(self.strings[k]), text(self.strings[v])] for k, v in pairs],
            )

    def known_text(self, i):
        return text(self.strings.get(i, b""))

    def hosted_process(self, c):
        self.process(c, hosted=True)

    def process(self, c, hosted=False):
        i, pid, ppid = c.id(), c.varint(U32_MAX), c.varint(U32_MAX)
        strings = [self.known_text(c.id()) for _ in range(3 + hosted)]
        self.define_process(i, pid, ppid, *strings)

    def define_process(self, i, pid=0, ppid=0, command="", python="", cwd="", host=""):
        self.processes.add(i)
        self.emit(
            "process",
            id=i,
            pid=pid,
            ppid=ppid,
            command=command,
            python=python,
            cwd=cwd,
            host=host,
        )

    def thread(self, c):
        i, process, tid, ident, name = c.id(), c.id(), c.varint(), c.varint(), c.id()
        self.define_thread(i, process, tid, ident, self.known_text(name))

    def define_thread(self, i, process=0, tid=0, ident=0, name=""):
        if process not in self.processes:
            self.define_process(process)
        self.threads.add(i)
        self.emit("thread", id=i, process=process, tid=tid, ident=ident, name=name)


# ---- the whole file ----


class Decoder:
    def __init__(self, emit, totals):
        self.emit, self.totals = emit, totals
        self.stats = {"damaged_blocks": 0, "lost_samples": 0, "complete": False, "duration_ns": 0}
        self.version = (1, 1)
        self.segment = None
        self.opening = self.number = None
        self.has_meta = False
        self.start_realtime_ns = 0
        self.placed = False
        self.base_ns = self.last_ns = 0
        self.health_before = collections.Counter()
        self.health = collections.Counter()

    def decode(self, data):
        for item in items(data, self.stats):
            if item[0] == "header":
                self.header(item[1], item[2])
                continue
            try:
                self.block(*item[1:])
            except BadPayload:
                self.stats["damaged_blocks"] += 1
        self.end_segment()
        if not self.has_meta:
            self.meta({"start_realtime_ns": 0, "interval_ns": 0, "flags": 0, "meta": {}})
        self.emit("stats", **self.stats)

    def header(self, major, minor):
        self.end_segment()
        if major > 1:
            raise Unsupported(f"version {major}.{minor}")
        self.version = (major, minor)
        self.begin_recording()

    def begin_recording(self):
        self.number = None
        self.stats["complete"] = False
        self.placed = False
        lateness = max(self.health_before["max_lateness_ns"], self.health["max_lateness_ns"])
        self.health_before.update(self.health)
        self.health_before["max_lateness_ns"] = lateness
        self.health.clear()

    def block(self, kind, deflated, stored):
        payload = inflate(deflated, stored)
        if kind == SEGMENT:
            if self.segment and payload == self.opening:
                return
            self.opening = payload
            self.begin_segment(read_segment_after(self.end_segment, payload))
        elif kind in (DEFS, TICKS, TOTALS):
            if self.segment and payload[:1] == bytes([self.segment["number"] & 0xFF]):
                {DEFS: self.definitions.read, TICKS: self.ticks, TOTALS: self.totals_block}[kind](
                    payload
                )
        elif kind == SOURCES:
            self.sources(payload)
        elif kind == HEALTH:
            self.health_block(payload)
        elif kind == END:
            self.stats["complete"] = True
            self.end_segment()

    def meta(self, head):
        self.has_meta = True
        meta = head["meta"]
        self.emit(
            "meta",
            format="live-trace",
            version_major=self.version[0],
            version_minor=self.version[1],
            host=text(meta.get(b"host", b"")),
            command=text(meta.get(b"command", b"")),
            cwd=text(meta.get(b"cwd", b"")),
            recorder=text(meta.get(b"recorder", b"")),
            start_realtime_ns=head["start_realtime_ns"],
            interval_ns=head["interval_ns"],
            has_time=bool(head["flags"] & 1),
        )

    def begin_segment(self, head):
        if self.number is not None and head["number"] <= self.number:
            self.begin_recording()
        self.number = head["number"]
        if not self.has_meta:
            self.start_realtime_ns = head["start_realtime_ns"]
            self.placed = True
            self.meta(head)
        elif not self.placed:
            self.placed = True
            self.base_ns = self.stats["duration_ns"]
            if self.start_realtime_ns and head["start_realtime_ns"]:
                by_clock = head["start_realtime_ns"] - self.start_realtime_ns
                self.base_ns = max(self.base_ns, by_clock)
        self.segment = head
        self.definitions = Definitions(self.emit)
        self.kept_ticks, self.kept_totals = [], []
        self.emit("segment")
        if head["start_realtime_ns"]:
            self.emit(
                "clock",
                time_ns=self.base_ns + head["start_ns"],
                start_realtime_ns=head["start_realtime_ns"] - self.base_ns,
            )

    def end_segment(self):
        segment, self.segment = self.segment, None
        if not segment or not self.totals:
            return
        sums = self.from_totals_blocks()
        if sums is None:
            sums = self.from_ticks(segment)
        for place, (count, covers) in sums.items():
            if count:
                self.sample(-1, place, count, covers, segment)

    def from_totals_blocks(self):
        """The totals if all parts are there, in order, or None."""
        sums = {}
        for n, (end_ns, part, last, rows) in enumerate(self.kept_totals):
            if part != n or last != (n + 1 == len(self.kept_totals)):
                return None
            for *place, count, covers in rows:
                old = sums.get(tuple(place), (0, 0))
                sums[tuple(place)] = (old[0] + count, old[1] + covers)
            if last:
                self.note_end(end_ns)
                return sums
        return None

    def from_ticks(self, segment):
        sums = {}
        for payload in self.kept_ticks:
            try:
                for time_ns, covers, threads, _ in read_ticks(payload, segment):
                    for thread in threads:
                        old = sums.get(tuple(thread), (0, 0))
                        sums[tuple(thread)] = (old[0] + 1, old[1] + covers)
                    self.note_end(time_ns + covers * segment["interval_ns"])
            except BadPayload:
                self.stats["damaged_blocks"] += 1
        return sums

    def note_end(self, end_ns):
        self.stats["duration_ns"] = max(self.stats["duration_ns"], self.base_ns + end_ns)

    def ticks(self, payload):
        if not self.totals:
            self.tick_events(payload)
            return
        self.kept_ticks.append(payload)
        try:
            self.tick_events(payload)
        except BadPayload:
            pass  # counted where it is summed up

    def tick_events(self, payload):
        """Each tick, after its samples if single ones are wanted."""
        interval_ns = self.segment["interval_ns"]
        for time_ns, covers, threads, _ in read_ticks(payload, self.segment):
            self.last_ns = max(self.last_ns, self.base_ns + time_ns)
            for thread in threads if not self.totals else ():
                self.sample(self.last_ns, thread, 1, covers, self.segment)
            self.note_end(time_ns + covers * interval_ns)
            self.emit("tick", time_ns=self.last_ns, covers=covers, interval_ns=interval_ns)

    def totals_block(self, payload):
        if self.totals:
            self.kept_totals.append(read_totals(payload))

    def sample(self, time_ns, place, count, covers, segment):
        thread, stack, state, tags = place
        if stack not in self.definitions.stacks or tags not in self.definitions.tags:
            self.stats["lost_samples"] += count
        if stack not in self.definitions.stacks:
            stack = 0
        if tags not in self.definitions.tags:
            tags = 0
        if thread not in self.definitions.threads:
            self.definitions.define_thread(thread)
        self.emit(
            "sample",
            time_ns=time_ns,
            thread=thread,
            stack=stack,
            state=state,
            tags=tags,
            count=count,
            weight_ns=min(covers * segment["interval_ns"], I64_MAX),
        )

    def sources(self, payload):
        c = Cursor(payload)
        file = b""
        while c.left():
            length = c.varint()
            if length:
                file = c.bytes(length - 1)
            line = c.varint(U32_MAX)
            self.emit("source", file=text(file), line=line, text=text(c.string()))

    def health_block(self, payload):
        c = Cursor(payload)
        names = ["asked", "taken", "late", "retried", "sampler_cpu_ns", "max_lateness_ns"]
        health = collections.Counter({name: c.varint() for name in names})
        for cause, _ in zip(CAUSES, range(c.varint(c.left()))):
            health[cause] = c.varint()
        self.health = health
        event = {name: self.health_before[name] + health[name] for name in names + CAUSES}
        event["max_lateness_ns"] = max(
            self.health_before["max_lateness_ns"], health["max_lateness_ns"]
        )
        self.emit("health", **event)


def read_segment_after(end_segment, payload):
    """A SEGMENT block ends the segment before it even if it makes no sense itself."""
    end_segment()
    return read_segment(payload)


def main():
    arguments = sys.argv[1:]
    totals = arguments[:1] == ["--totals"]
    if len(arguments) != 1 + totals:
        sys.exit("usage: decode_trace.py [--totals] TRACE")
    with open(arguments[-1], "rb") as file:
        data = file.read()

    def emit(event, **members):
        print(json.dumps({"event": event, **members}))

    try:
        Decoder(emit, totals).decode(data)
    except NotATrace as error:
        sys.exit(f"not a trace: {error}")
    except Unsupported as error:
        sys.exit(f"a newer {error}")


if __name__ == "__main__":
    main()
