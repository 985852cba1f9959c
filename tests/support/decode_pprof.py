#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A strict decoder of gzipped pprof profiles, written after profile.proto alone: what it says, or why it is none.

As a program it prints a profile from standard input for people to compare. Everything is checked: wire types and
field numbers, references, identifiers, UTF-8, as many values as columns, one gzip member and nothing behind it.
"""

import collections
import json
import sys
import zlib

VARINT, BYTES = 0, 2

# Field number: name, wire type, is it repeated?
VALUE_TYPE = {1: ("type", VARINT, False), 2: ("unit", VARINT, False)}
LABEL = {1: ("key", VARINT, False), 2: ("str", VARINT, False), 3: ("num", VARINT, False),
         4: ("num_unit", VARINT, False)}
SAMPLE = {1: ("location_id", BYTES, False), 2: ("value", BYTES, False), 3: ("label", BYTES, True)}
MAPPING = {1: ("id", VARINT, False), 2: ("memory_start", VARINT, False), 3: ("memory_limit", VARINT, False),
           4: ("file_offset", VARINT, False), 5: ("filename", VARINT, False), 6: ("build_id", VARINT, False),
           7: ("has_functions", VARINT, False), 8: ("has_filenames", VARINT, False),
           9: ("has_line_numbers", VARINT, False), 10: ("has_inline_frames", VARINT, False)}
LOCATION = {1: ("id", VARINT, False), 2: ("mapping_id", VARINT, False), 3: ("address", VARINT, False),
            4: ("line", BYTES, True), 5: ("is_folded", VARINT, False)}
LINE = {1: ("function_id", VARINT, False), 2: ("line", VARINT, False), 3: ("column", VARINT, False)}
FUNCTION = {1: ("id", VARINT, False), 2: ("name", VARINT, False), 3: ("system_name", VARINT, False),
            4: ("filename", VARINT, False), 5: ("start_line", VARINT, False)}
PROFILE = {1: ("sample_type", BYTES, True), 2: ("sample", BYTES, True), 3: ("mapping", BYTES, True),
           4: ("location", BYTES, True), 5: ("function", BYTES, True), 6: ("string_table", BYTES, True),
           7: ("drop_frames", VARINT, False), 8: ("keep_frames", VARINT, False), 9: ("time_nanos", VARINT, False),
           10: ("duration_nanos", VARINT, False), 11: ("period_type", BYTES, False), 12: ("period", VARINT, False),
           13: ("comment", VARINT, True), 14: ("default_sample_type", VARINT, False)}

Sample = collections.namedtuple("Sample", "stack values labels")  # stack: frames, innermost first
Frame = collections.namedtuple("Frame", "name file line start_line")


class NotAProfile(Exception):
    pass


def need(condition, message):
    if not condition:
        raise NotAProfile(message)


def varint(data, at):
    value = 0
    for shift in range(0, 70, 7):
        need(at < len(data), "it ends inside a number")
        value |= (data[at] & 0x7f) << shift
        at += 1
        if not data[at - 1] & 0x80:
            need(value < 1 << 64, "a number of more than 64 bits")
            return value, at
    raise NotAProfile("a number of more than 10 bytes")


def message(data, fields):
    """{name: value, or values of a repeated field}; what is absent is 0, b"" or []."""
    found = {name: [] if repeated else b"" if wire == BYTES else 0 for name, wire, repeated in fields.values()}
    seen, at = set(), 0
    while at < len(data):
        key, at = varint(data, at)
        need(key >> 3 in fields, f"a field {key >> 3} that there is not")
        name, wire, repeated = fields[key >> 3]
        need(key & 7 == wire, f"{name} is of wire type {key & 7}")
        value, at = varint(data, at)
        if wire == BYTES:
            need(at + value <= len(data), f"{name} is longer than what it is in")
            value, at = data[at:at + value], at + value
        if repeated:
            found[name].append(value)
        else:
            need(name not in seen, f"{name} is there twice")
            seen.add(name)
            found[name] = value
    return found


def packed(data):
    values, at = [], 0
    while at < len(data):
        value, at = varint(data, at)
        values.append(value)
    return values


def inflate(data):
    z = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = z.decompress(data) + z.flush()
    except zlib.error as error:
        raise NotAProfile(f"not gzip: {error}") from error
    need(z.eof, "the gzip stream is cut off")
    need(not z.unused_data, "there is something behind the gzip stream")
    return plain


class Profile:
    def __init__(self, data):
        p = message(inflate(data), PROFILE)
        self.strings = [text.decode("utf-8") for text in p["string_table"]]
        need(self.strings[:1] == [""], "the first string is not empty")
        need(len(set(self.strings)) == len(self.strings), "a string is there twice")
        self.columns = [self.value_type(one) for one in p["sample_type"]]
        self.default = self.text(p["default_sample_type"])
        need(self.default in [kind for kind, _ in self.columns], "the default column is none of the columns")
        self.period = p["period"], self.value_type(p["period_type"])
        self.time, self.duration = p["time_nanos"], p["duration_nanos"]
        self.comments = [self.text(one) for one in p["comment"]]
        self.mappings = self.by_id(p["mapping"], MAPPING)
        self.functions = self.by_id(p["function"], FUNCTION)
        self.locations = {key: self.frame(one) for key, one in self.by_id(p["location"], LOCATION).items()}
        self.samples = [self.sample(one) for one in p["sample"]]

    def text(self, index):
        need(index < len(self.strings), f"a string {index} that there is not")
        return self.strings[index]

    def value_type(self, data):
        found = message(data, VALUE_TYPE)
        return self.text(found["type"]), self.text(found["unit"])

    @staticmethod
    def by_id(items, fields):
        found = [message(item, fields) for item in items]
        need(all(one["id"] for one in found), "an identifier is 0")
        need(len({one["id"] for one in found}) == len(found), "an identifier is there twice")
        return {one["id"]: one for one in found}

    def frame(self, location):
        need(location["mapping_id"] in self.mappings, "a location is in no mapping")
        need(len(location["line"]) == 1, "a location has not one line")
        line = message(location["line"][0], LINE)
        function = self.functions.get(line["function_id"])
        need(function, "a line is of no function")
        need(not function["system_name"], "a function has a system name")
        return Frame(self.text(function["name"]), self.text(function["filename"]), line["line"],
                     function["start_line"])

    def sample(self, data):
        found = message(data, SAMPLE)
        stack = packed(found["location_id"])
        values = packed(found["value"])
        need(stack and all(one in self.locations for one in stack), "a stack is empty or has no location")
        need(len(values) == len(self.columns), "there are not as many values as columns")
        labels = [message(one, LABEL) for one in found["label"]]
        need(all(one["key"] for one in labels), "a label has no key")
        return Sample([self.locations[one] for one in stack], values,
                      [(self.text(one["key"]), self.text(one["str"]) if one["str"] else one["num"]) for one in labels])


def show(profile, out):
    def say(*words):
        print(*words, file=out)

    say("columns", *("/".join(one) for one in profile.columns), "default", profile.default)
    say("period", profile.period[0], "/".join(profile.period[1]), "time", profile.time, "duration", profile.duration)
    for comment in profile.comments:
        say("comment", json.dumps(comment))
    for one in profile.mappings.values():
        known = [name[4:] for name in one if name.startswith("has_") and one[name]]
        say("mapping", json.dumps(profile.text(one["filename"])), "has", *known)
    for sample in profile.samples:
        say("sample", *sample.values, " ".join(f"{key}={json.dumps(value)}" for key, value in sample.labels))
        for frame in sample.stack:
            say("   ", json.dumps(frame.name), json.dumps(frame.file), f"line {frame.line} of {frame.start_line}")


if __name__ == "__main__":
    try:
        show(Profile(sys.stdin.buffer.read()), sys.stdout)
    except (NotAProfile, UnicodeDecodeError) as fault:
        sys.exit(f"not a profile: {fault}")
