#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Binary inputs from readable text: make_bytes.py TEXT BYTES

Blanks part the words, and # begins a remark that goes to the end of its line:

    "text"      the bytes of the text, with the escapes of JSON; z"text" with a NUL behind it
    x0b         a byte
    300         an integer as LEB128
    ~-131       an integer as MOJO has it
    5=300       field 5 of a protobuf message; also 5="text"
    5{ ... }    field 5, a message of these words, or a row of packed numbers
"""

import json
import re
import sys

WORD = re.compile(r'#[^\n]*|(?:\d+=|z)?"(?:[^"\\]|\\.)*"|\d+\{|[^\s"#]+')


def leb128(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def mojo(n):
    low = abs(n) & 0x3f | (0x40 if n < 0 else 0)
    rest = abs(n) >> 6
    return bytes([low | 0x80]) + leb128(rest) if rest else bytes([low])


def delimited(field, data):
    return leb128(int(field) << 3 | 2) + leb128(len(data)) + data


def bytes_of(words):
    """Of the words up to the end of the message that they are in."""
    out = b""
    for word in words:
        field, equals, value = word.partition("=")
        if word.startswith("#"):
            continue
        if word == "}":
            break
        if word.endswith("{"):
            out += delimited(word[:-1], bytes_of(words))
        elif word.startswith('"'):
            out += json.loads(word).encode()
        elif word.startswith('z"'):
            out += json.loads(word[1:]).encode() + b"\0"
        elif equals and value.startswith('"'):
            out += delimited(field, json.loads(value).encode())
        elif equals:
            out += leb128(int(field) << 3) + leb128(int(value))
        elif word.startswith("x"):
            out += bytes.fromhex(word[1:])
        elif word.startswith("~"):
            out += mojo(int(word[1:]))
        else:
            out += leb128(int(word))
    return out


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as text, open(sys.argv[2], "wb") as file:
        file.write(bytes_of(iter(WORD.findall(text.read()))))
