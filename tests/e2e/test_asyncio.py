#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tasks of asyncio: stacks under the task that runs them (`--async`), and what `dump` says of all tasks."""

import json
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


# A program whose tasks wait in all ways, and what it says of them itself (asyncio.capture_call_graph).
WAITING = """
import asyncio, json, types
async def nap():
    await asyncio.sleep(1000)
@types.coroutine
def old_style():
    yield from nap().__await__()
async def wraps():
    await old_style()
async def numbers():
    await nap()
    yield 1
async def loops():
    async for _ in numbers():
        pass
async def deep(n):
    await (deep(n - 1) if n else nap())
async def gathers():
    await asyncio.gather(nap(), asyncio.gather(deep(3)))
async def shared(task):
    await task
async def grouped():
    async with asyncio.TaskGroup() as group:
        group.create_task(deep(50), name='deep "50"')
        group.create_task(wraps(), name="old \\u00e4\\u4e2d\\U0001f600")
async def late():
    await nap()
def tasks_of(graph):
    for waiter in graph.awaited_by:
        if isinstance(waiter.future, asyncio.Task):
            yield waiter.future
        else:
            yield from tasks_of(waiter)
def report():
    said = {}
    for task in asyncio.all_tasks():
        graph = asyncio.capture_call_graph(task)
        stack = [[e.frame.f_code.co_qualname, e.frame.f_lineno] for e in graph.call_stack]
        said[hex(id(task))] = dict(name=task.get_name(), stack=stack, awaited_by=sorted(hex(id(t)) for t in tasks_of(graph)))
    print(json.dumps(said), flush=True)
async def main():
    loop = asyncio.get_running_loop()
    one = asyncio.create_task(nap(), name="x" * 300)
    keep = [asyncio.create_task(shared(one), name=f"shares {i}") for i in range(20)]
    keep += [asyncio.create_task(c()) for c in (gathers, grouped, loops, late)]
    await asyncio.sleep(0.2)
    done = asyncio.create_task(asyncio.sleep(0))
    await done
    keep.append(done)
    report()
    never = asyncio.create_task(late(), name="never")
    while True: pass
asyncio.run(main())
"""


@interpreters_of(WITH_TASKS)
class Dump(TraceTest):
    def start(self, text, *options):
        process = subprocess.Popen([self.python, self.script(text), *options], stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def test_what_the_program_says_itself(self):
        process = self.start(WAITING)
        said = json.loads(process.stdout.readline())
        done = self.live_trace("dump", "--json", "--locals", str(process.pid))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        dump = json.loads(done.stdout)
        tasks = {task["id"]: task for task in dump["tasks"]}
        (never,) = [task for task in dump["tasks"] if task["id"] not in said]
        self.assertEqual((never["name"], never["state"], [f["name"] for f in never["stack"]]), ("never", "not started", ["late"]))
        self.assertEqual(set(said) - set(tasks), set())
        self.assertGreater(len(said), 26)
        for number, own in said.items():
            task = tasks[number]
            name = own["name"] if len(own["name"]) <= 256 else own["name"][:256] + "..."
            self.assertEqual((task["name"], sorted(task["awaited_by"]), task["tid"]), (name, own["awaited_by"], process.pid))
            stack = [[frame["name"], frame["line"]] for frame in task["stack"]]
            if stack[-1][0] == "main":
                self.assertEqual((task["state"], task["stack"][0]["source"]), ("running", "while True: pass"))
            elif stack[-1][0] in ("loops", "wraps"):  # asyncio itself does not look into generators
                inner = {"loops": "numbers", "wraps": "old_style"}[stack[-1][0]]
                self.assertEqual([f[0] for f in stack], ["sleep", "nap", inner, stack[-1][0]])
            else:
                self.assertEqual((task["state"], stack), ("suspended", own["stack"]))
        deep = [task for task in dump["tasks"] if task["name"] == 'deep "50"'][0]["stack"]
        self.assertEqual([f["locals"]["n"] for f in deep[2:]], [str(n) for n in range(51)])

    def test_text_and_cap(self):
        process = self.start(WAITING)
        process.stdout.readline()
        done = self.live_trace("dump", "--max-frames", "3", str(process.pid))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, rf'\n\nTask "deep \\"50\\"" in thread {process.pid} \(suspended\), most recent call first:\n'
                                      r'  File ".*/tasks.py", line \d+ in sleep\n      return await future\n'
                                      r'  File ".*/script.py", line 4 in nap\n      await asyncio.sleep\(1000\)\n'
                                      r'  File ".*/script.py", line 17 in deep\n      await \(deep\(n - 1\) if n else nap\(\)\)\n'
                                      r'  <cut>, 50 outer frames\n  awaited by "Task-\d+"\n')

    def test_program_without_asyncio(self):
        process = self.start("import time\nprint(flush=True)\ntime.sleep(100)\n")
        process.stdout.readline()
        dump = json.loads(self.live_trace("dump", "--json", str(process.pid)).stdout)
        self.assertEqual(dump.get("tasks", []), [])

    def test_many(self):
        process = self.start("""
            import asyncio
            async def sleeper():
                await asyncio.sleep(1000)
            async def main():
                tasks = [asyncio.create_task(sleeper()) for _ in range(8000)]
                await asyncio.sleep(0.1)
                print(flush=True)
                while True: await asyncio.sleep(0)
            asyncio.run(main())
        """)
        process.stdout.readline()
        done = self.live_trace("dump", "--json", str(process.pid))
        tasks = json.loads(done.stdout)["tasks"]
        sleepers = [task for task in tasks if [f["name"] for f in task["stack"]] == ["sleep", "sleeper"]]
        # While it runs all the time, they may be too many for one moment; then that is said.
        self.assertEqual(len(tasks) == 8001, done.stderr == "")
        self.assertEqual(len(sleepers), len([task for task in tasks if task["name"] != "Task-1"]))


if __name__ == "__main__":
    unittest.main()
