#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names in every kind of str that CPython has (1, 2 and 4 bytes a character, ASCII and not), on every version."""

import json
import os
import unittest

from lt_e2e import TraceTest, every_interpreter, read

# Identifiers that stay what they are under the normalization that Python applies (NFKC).
FUNCTIONS = ["plain", "na\u00efve", "\u0444\u0443\u043d\u043a\u0446\u0438\u044f", "\u6570\u3048\u308b", "\U00010330\U00010331",
             "a\u00e9\u4e2d\U00020000", "x" * 300, "\u4e2d" * 200]
FILES = [b"plain.py", "w\u00f6rk.py".encode(), "\u65e5\u672c\u8a9e.py".encode(), "smile \U0001f600.py".encode(),
         b"latin \xe9 and \xff.py", b"mixed \xf0\x9f\x98\x80 \x80.py"]

MODULE = """
class Holder_{name}:
    def {name}(self, rest):
        rest()
def {name}(rest):
    Holder_{name}().{name}(rest)
"""

MAIN = """
import os, sys, threading, time
gate = threading.Lock()
gate.acquire()
for file in FILES:
    path = os.path.join(os.fsencode(sys.argv[1]), file)
    namespace = {}
    with open(path, "rb") as source:
        exec(compile(source.read(), os.fsdecode(path), "exec"), namespace)
    for name in FUNCTIONS:
        threading.Thread(target=namespace[name], args=[gate.acquire], daemon=True).start()
time.sleep(0.7)
os._exit(0)
"""


@every_interpreter
class Names(TraceTest):
    def test_all_kinds(self):
        folder = os.fsencode(self.folder)
        for file in FILES:
            with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
                out.write("".join(MODULE.format(name=name) for name in FUNCTIONS))
        main = self.script(MAIN.replace("FILES", repr(FILES)).replace("FUNCTIONS", repr(FUNCTIONS)))
        done = self.live_trace("run", "-o", self.trace, "-r", "50", main, self.folder, python=self.python)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, samples, health = read(self.trace, "--full-paths")
        self.assertEqual(sum(health["failed"].values()), 0, health)
        method = "Holder_{0}.{0}" if self.version >= (3, 11) else "{0}"
        # What is no UTF-8 is in the trace as it is; in JSON, which cannot have it, it is replaced.
        wanted = {((function, method.format(function)), os.path.join(folder, file).decode("utf-8", "replace"))
                  for file in FILES for function in FUNCTIONS}
        seen = {(tuple(f["name"] for f in s["stack"][-2:]), s["stack"][-1]["file"]) for s in samples}
        self.assertLessEqual(wanted, seen)
        # The files were opened under their true names.
        rows = json.loads(self.live_trace("analyze", "--json", "--idle", "--full-paths", "-m", "1000", self.trace).stdout)["rows"]
        texts = {row["file"]: row["source"].strip() for row in rows if row["name"].endswith("plain")}
        self.assertEqual(texts, {path: "rest()" for _, path in wanted})


if __name__ == "__main__":
    unittest.main()
