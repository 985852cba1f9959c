#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tasks of asyncio: stacks under the task that runs them (`--async`), and what `dump` says of all tasks."""

import subprocess
import unittest

from lt_e2e import VERSIONS, TraceTest, interpreters_of, read

WITH_TASKS = [version for version in VERSIONS if version >= (3, 14)]

# Each task has functions of its own, so that a stack under another task's name would show. Two loops run in two threads.
WORK = """
import asyncio, sys, threading, time
namespace = {}
for name in ("alpha", "beta", "gamma", "delta"):
    exec(f'''
def spin_{name}():
    end = time.perf_counter() + 0.004
    while time.perf_counter() < end: pass
async def step_{name}():
    spin_{name}()
    await asyncio.sleep(0)
async def work_{name}():
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        await step_{name}()
''', globals(), namespace)
globals().update(namespace)
async def main(*names):
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(namespace["work_" + name](), name=name + " \\u00e4")
thread = threading.Thread(target=lambda: asyncio.run(main("gamma", "delta")))
thread.start()
asyncio.run(main("alpha", "beta"))
thread.join()
sys.exit(7)
"""

EAGER = """
import asyncio, time
def spin():
    end = time.perf_counter() + 0.05
    while time.perf_counter() < end: pass
async def inner():
    spin()
async def outer():
    for _ in range(10):
        await asyncio.create_task(inner(), name="inner")
async def main():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.create_task(outer(), name="outer")
asyncio.run(main())
"""


@interpreters_of(WITH_TASKS)
class Stacks(TraceTest):
    def record(self, script, *options, status=0):
        done = self.live_trace("run", "--async", "-r", "500", "-o", self.trace, *options, script, python=self.python)
        self.assertEqual(done.returncode, status, done.stderr)
        return [tuple(f["name"] for f in s["stack"]) for s in read(self.trace)[1]]

    def test_each_under_its_task(self):
        stacks = self.record(self.script(WORK), status=7)
        for name in ("alpha", "beta", "gamma", "delta"):
            seen = [stack for stack in stacks if f"spin_{name}" in stack]
            self.assertGreater(len(seen), 20)
            self.assertEqual(set(seen), {(f"task {name} \u00e4", f"work_{name}", f"step_{name}", f"spin_{name}")})

    def test_selected_as_a_frame(self):
        self.record(self.script(WORK), status=7)
        alpha = {tuple(f["name"] for f in s["stack"]) for s in read(self.trace, "--focus", "task alpha", "--mine")[1]}
        self.assertEqual({stack[0] for stack in alpha}, {"task alpha \u00e4"})
        hidden = {tuple(f["name"] for f in s["stack"]) for s in read(self.trace, "--hide", "^task ", "--focus", "spin_alpha")[1]}
        self.assertEqual(hidden, {("work_alpha", "step_alpha", "spin_alpha")})

    def test_cut_below_its_task(self):
        stacks = self.record(self.script(WORK), "--max-frames", "2", status=7)
        self.assertEqual({stack for stack in stacks if "spin_beta" in stack},
                         {("task beta \u00e4", "<cut>", "step_beta", "spin_beta")})

    def test_eager_tasks_run_in_their_own_name(self):
        stacks = self.record(self.script(EAGER))
        self.assertEqual({stack for stack in stacks if "spin" in stack}, {("task inner", "inner", "spin")})

    def test_without_the_option_nothing_changes(self):
        done = self.live_trace("run", "-r", "500", "-o", self.trace, self.script(WORK), python=self.python)
        self.assertEqual(done.returncode, 7, done.stderr)
        stacks = {tuple(f["name"] for f in s["stack"]) for s in read(self.trace, "--focus", "spin_alpha")[1]}
        self.assertTrue(all(stack[0] == "<module>" and len(stack) > 6 for stack in stacks), stacks)


@interpreters_of([version for version in VERSIONS if version not in WITH_TASKS])
class Older(TraceTest):
    def test_refused(self):
        script = self.script("import time, sys\nprint('ready', flush=True)\ntime.sleep(0.4)\nsys.exit(5)\n")
        done = self.live_trace("run", "--async", "-o", self.trace, script, python=self.python)
        self.assertEqual(done.returncode, 5)
        said = r"\Alive-trace: nothing was sampled: Python 3\.\d+\S* is not supported: --async needs 3\.14 or newer: .*\n\Z"
        self.assertRegex(done.stderr, said)
        program = subprocess.Popen([self.python, self.script("import time\ntime.sleep(60)\n")])
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        done = self.live_trace("attach", "--async", "-o", self.path("none.ltrace"), str(program.pid))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Alive-trace: Python 3\.\d+\S* of process \d+ is not supported: --async needs 3\.14 or newer: .*\n\Z")


if __name__ == "__main__":
    unittest.main()
