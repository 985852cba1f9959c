#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files, lines and names of stacks are those that the program itself sees, on every version.

Each function of PLACES is a thread that waits for a lock that nobody gives it, in a place of its own. When all of them
stand still the program writes down what sys._current_frames() says of each; from then on every sample has to say the
same."""

import json
import re
import unittest

from lt_e2e import TraceTest, every_interpreter, read

HEAD = """\
import asyncio
import contextlib
import functools
import json
import os
import re
import sys
import threading
import time

gate = threading.Lock()
gate.acquire()
PLACES = []


def place(function):
    PLACES.append(function)
    return function


def wait(*_):
    gate.acquire()


def take(*values):
    return values

"""

PLACES = """
@place
def directly():
    gate.acquire()


@place
def call_over_several_lines():
    take(
        1,
        gate.acquire(
        ),
        2,
    )


@place
def callee_of_a_call_over_several_lines():
    return take(
        take(1), wait(
            1,
            2
        ),
        3)


@place
def chain_of_methods():
    return (
        "a b"
        .replace("a", "b")
        .join(
            [str(wait())])
        .strip()
    )


@place
def operands():
    return (1
            + 2
            + gate.acquire()
            + 3)


@place
def condition():
    number = 3
    while (number > 1 and
           number < 5 and
           wait() is None):
        number += 1


def decorator(function):
    @functools.wraps(function)
    def wrapper(*args):
        result = function(
            *args
        )
        return result
    return wrapper


@place
@decorator
@decorator
def decorated():

    # a comment

    gate.acquire()


@place
def while_decorating():
    @take
    @wait
    @take
    def never():
        pass


@place
def default_argument():
    def never(a=1,
              b=wait()):
        pass


@place
def class_body():
    class Outer:
        class Inner:
            x = 1
            y = wait()


class Base:
    class Nested:
        @property
        def prop(self):
            return gate.acquire()

        def __getattr__(self, name):
            return self.prop

    @classmethod
    def made(cls):
        (lambda nested:
         nested.missing)(cls.Nested())

    @staticmethod
    def static():
        def local():
            Base.made()
        local()


@place
def methods():
    Base.static()


@place
def list_comprehension():
    return [wait()
            for x in range(3)
            if x]


@place
def nested_comprehensions():
    return {
        x: {
            y
            for y in [1, 2]
            if take(x, y) and wait()
        }
        for x in [
            1,
            2
        ]
    }


@place
def generator_expression():
    return sum(
        x + gate.acquire()
        for x in range(3)
    )


@place
def in_finally():
    try:
        try:
            1 / 0
        except ZeroDivisionError:
            raise ValueError(
                "x") from None
        finally:
            take(1)
            gate.acquire()
    except ValueError:
        pass


@place
def in_except():
    try:
        take()[
            0]
    except (IndexError,
            KeyError):
        wait()


@place
def returning_through_finally():
    for _ in range(2):
        try:
            return take(1)
        finally:
            wait()


@place
def in_exit():
    class Manager:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            gate.acquire()

    with Manager() as a, \\
            Manager() as b:
        take(a, b)


@place
def context_manager():
    @contextlib.contextmanager
    def managed():
        yield 1
        wait()

    with managed():
        pass


@place
def executed():
    code = compile("\\n\\ndef made():\\n    x = [\\n        1,\\n        wait()]\\n\\n\\nmade()\\n", "<made here>", "exec")
    exec(code, {"wait": wait})


@place
def evaluated():
    eval("(1,\\n2,\\nwait())")


@place
def far_down():
    x = 1
FAR_DOWN
    gate.acquire()


@place
def back_up():
    for x in (
        gate.acquire() if x else 1
        for x in
FAR_EMPTY
        range(5)
    ):
        take(x)


@place
def callbacks():
    return sorted([3, 1, 2], key=lambda x:
                  re.sub("a", lambda match:
                         functools.partial(
                             wait,
                             match)(), "banana"))


@place
def recursion(n=20):
    if n:
        recursion(n - 1) if n % 2 else recursion(
            n - 1)
    gate.acquire()


def leaf():
    yield 1
    gate.acquire()
    yield 2


def middle(n):
    if n:
        yield from middle(n - 1)
    else:
        yield from leaf()


@place
def generators():
    for _ in middle(5):
        take(_)


@place
def suspended_generator():
    running = middle(3)
    next(running)
    gate.acquire()


@place
def sent_into():
    def echo():
        value = None
        while True:
            value = yield take(
                value,
                wait() if value else None)

    it = echo()
    next(it)
    it.send(1)


@place
def thrown_into():
    def careful():
        try:
            yield
        except KeyError:
            wait()

    it = careful()
    next(it)
    it.throw(KeyError())


@place
def closed():
    def careful():
        try:
            yield
        finally:
            gate.acquire()

    it = careful()
    next(it)
    it.close()


async def async_leaf():
    gate.acquire()


async def async_middle(n):
    if n:
        return await async_middle(
            n - 1)
    return await async_leaf()


@place
def coroutines():
    async_middle(3).send(None)


@place
def async_generators():
    async def numbers():
        yield 1
        wait()
        yield 2

    async def consume():
        return [
            x async for x in
            numbers()
        ]

    asyncio.run(consume())


@place
def suspended_coroutines():
    async def never():
        await asyncio.get_running_loop().create_future()

    async def group():
        await asyncio.gather(never(), never())

    asyncio.run(group())


@place
def task_beside_suspended_coroutines():
    async def never():
        await asyncio.sleep(1000)

    async def last():
        for _ in range(3):
            await asyncio.sleep(0)
        async with asyncio.Lock():
            gate.acquire()

    async def group():
        await asyncio.gather(never(), last())

    asyncio.run(group())


@place
def traced():
    def trace(frame, event, arg):
        return trace

    def inner():
        take(1)
        gate.acquire()

    sys.settrace(trace)
    inner()


@place
def profiled():
    sys.setprofile(lambda *_: None)
    take(1)
    wait()

"""

SINCE_310 = """
@place
def matched():
    match {"a": [1, 2, {"b": 3}]}:
        case {"c": _}:
            pass
        case {"a": [1, x, {"b": y}]} if take(
                x, y) and wait():
            pass


@place
def in_case():
    match (1, 2):
        case (1, 3):
            pass
        case (1,
              2):
            gate.acquire()

"""

SINCE_311 = """
@place
def exception_groups():
    try:
        raise ExceptionGroup("several", [ValueError(), KeyError()])
    except* ValueError:
        pass
    except* KeyError:
        gate.acquire()

"""

SINCE_312 = """
@place
def formatted():
    return f"{
        1} {take(
            2)} {
        wait()!r:>{
            10}}"


@place
def generic[T](x: T = 1):
    class Generic[U: (int, str)]:
        def method(self) -> U:
            gate.acquire()

    Generic[int]().method()

"""

TAIL = """

def stacks(threads):
    for ident, frame in sys._current_frames().items():
        stack = []
        while frame:
            code = frame.f_code
            stack.append([getattr(code, "co_qualname", code.co_name), code.co_filename, frame.f_lineno])
            frame = frame.f_back
        yield threads[ident], stack[::-1]


def write(path):
    before = None
    while True:
        threads = {thread.ident: thread.name for thread in threading.enumerate()}
        time.sleep(0.2)
        now = {name: stack for name, stack in stacks(threads) if name != "writer"}
        if now == before:
            break
        before = now
    with open(path, "w", encoding="utf-8") as out:
        json.dump(now, out)
    time.sleep(1)
    os._exit(0)


for function in PLACES:
    threading.Thread(target=function, name=function.__name__, daemon=True).start()
writer = threading.Thread(target=write, args=sys.argv[1:], name="writer")
writer.start()
writer.join(

)
"""


def program(version):
    text = HEAD + PLACES.replace("FAR_DOWN", "    x += 1\n" * 700).replace("FAR_EMPTY", "\n" * 300)
    for since, more in (((3, 10), SINCE_310), ((3, 11), SINCE_311), ((3, 12), SINCE_312)):
        if version >= since:
            text += more
    return text + TAIL


# The generator calls from one line, whoever called it: between two ticks nothing of it need change but its caller's line.
TURNS = """import time
def spin():
    for _ in range(30000): pass
def leaf_a(): spin()
def leaf_b(): spin()
def generate():
    while True:
        current()
        yield
def choose(leaf):
    global current
    current = leaf
generator = generate()
def main():
    end = time.monotonic() + 0.7
    a = leaf_a
    b = leaf_b
    while time.monotonic() < end:
        choose(a)
        next(generator)
        choose(b)
        next(generator)
main()
"""


@every_interpreter
class Lines(TraceTest):
    def test_places(self):
        text = program(self.version)
        done = self.live_trace("run", "-o", self.trace, "-r", "50", self.script(text), self.path("stacks"), python=self.python)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, samples, health = read(self.trace, "--full-paths")
        with open(self.path("stacks"), encoding="utf-8") as file:
            wanted = json.load(file)
        self.assertEqual(set(wanted), {"MainThread", *re.findall(r"@place\n(?:@.*\n)*def (\w+)", text)}, done.stderr)
        end = max(sample["t"] for sample in samples)
        seen = {name: set() for name in wanted}
        for sample in samples:
            if sample["t"] > end - 0.7 and sample["thread"] != "writer":
                seen[sample["thread"]].add(tuple((f["name"], f["file"], f["line"]) for f in sample["stack"]))
        for name, stack in wanted.items():
            with self.subTest(name):
                self.assertEqual(seen[name], {tuple(map(tuple, stack))})
        self.assertEqual(sum(health["failed"].values()), 0, health)

    def test_caller_of_a_generator_that_is_where_it_was(self):
        done = self.live_trace("run", "-o", self.trace, "-r", "500", self.script(TURNS), python=self.python)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, samples, _ = read(self.trace, "--focus", "leaf_", "--by", "line")
        seen = {tuple(f["line"] for f in s["stack"] if f["name"] in ("main", "leaf_a", "leaf_b")) for s in samples}
        self.assertEqual(seen, {(20, 4), (22, 5)})


if __name__ == "__main__":
    unittest.main()
