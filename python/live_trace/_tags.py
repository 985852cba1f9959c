# SPDX-License-Identifier: Apache-2.0
"""Tags: what the program works on. They live in a context variable, so they belong to a thread and, in asyncio, to a task, and go
along wherever contexts are copied to. The sampler reads the variable from memory (collector/py_tags.c): setting a tag
is setting a variable."""

import contextvars
import functools
import inspect
from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar

MAX_CHARS = 200  # of a key or a value; what is longer is cut
MAX_BYTES = 4096  # of all of them; the sampler reads no more

# Keys and values by turns, each ended by a NUL. The name of this variable and the shape of its value are what the sampler knows.
_current: "contextvars.ContextVar[bytes]" = contextvars.ContextVar("live_trace_tags", default=b"")

Function = TypeVar("Function", bound=Callable[..., Any])


def encode_text(text: Any) -> bytes:
    return str(text)[:MAX_CHARS].replace("\0", " ").encode("utf-8", "replace")


def encode_pairs(tags: Dict[str, Any]) -> Tuple[bytes, ...]:
    return tuple(encode_text(text) for pair in tags.items() for text in pair)


@functools.lru_cache(maxsize=1024)
def _merged(outer: bytes, inner: Tuple[Tuple[str, Optional[str]], ...]) -> bytes:
    texts = outer.split(b"\0")[:-1]
    tags = dict(zip(texts[::2], texts[1::2]))
    for key, value in inner:
        tags.pop(encode_text(key), None)
        if value is not None:
            tags[encode_text(key)] = encode_text(value)
    encoded = b""
    for pair in tags.items():
        row = b"".join(text + b"\0" for text in pair)
        if len(encoded) + len(row) <= MAX_BYTES:
            encoded += row
    return encoded


def add(**tags: Any) -> None:
    """Further tags, until the innermost `with tag(...)` around ends."""
    texts = tuple((key, None if value is None else str(value)) for key, value in tags.items())
    _current.set(_merged(_current.get(), texts))


class tag:  # noqa: N801 (used like a function)
    """All samples that are taken meanwhile, of this thread or asyncio task, say what it works on.

        with live_trace.tag(job="nightly", customer=17): ...

        @live_trace.tag(job="nightly")
        def work(): ...                     # async def too

    Inner tags win over outer ones of the same name; a value of None takes a tag away."""

    def __init__(self, **tags: Any) -> None:
        if not tags:
            raise TypeError("tag() needs a name and a value: tag(job='nightly')")
        self._tags = tags
        self._outer: List[bytes] = []

    def __enter__(self) -> "tag":
        self._outer.append(_current.get())
        add(**self._tags)
        return self

    def __exit__(self, *error: Any) -> None:
        _current.set(self._outer.pop())

    def __call__(self, function: Function) -> Function:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__} is a generator, whose caller would be tagged too:"
                            " tag the function that iterates over it, or use `with` between two yields")
        if inspect.iscoroutinefunction(function):
            @functools.wraps(function)
            async def tagged(*args: Any, **kwargs: Any) -> Any:
                with tag(**self._tags):
                    return await function(*args, **kwargs)
        else:
            @functools.wraps(function)
            def tagged(*args: Any, **kwargs: Any) -> Any:
                with tag(**self._tags):
                    return function(*args, **kwargs)
        return tagged  # type: ignore[return-value]


def tagged_as() -> Dict[str, str]:
    """The tags of the current thread or task."""
    texts = _current.get().decode("utf-8").split("\0")[:-1]
    return dict(zip(texts[::2], texts[1::2]))
