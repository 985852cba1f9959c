# SPDX-License-Identifier: Apache-2.0
"""Celery's workers:

    app = Celery(...)
    live_trace.celery.install()

samples the worker and its pool's processes, and tags samples with the task's name."""

from typing import Any, Dict

from celery import signals  # type: ignore[import-not-found]

from . import _tracer
from ._tags import tag

_options: Dict[str, Any] = {}
_open: Dict[str, tag] = {}  # by the id of a task that is running


def install(interval: float = 0.1, **options: Any) -> None:
    """The options are those of live_trace.start()."""
    _options.update(options, interval=interval)
    for signal, receiver in ((signals.worker_init, _begin), (signals.worker_process_init, _begin),
                             (signals.worker_process_shutdown, _end), (signals.worker_shutdown, _end),
                             (signals.task_prerun, _task_begins), (signals.task_postrun, _task_ends)):
        signal.connect(receiver, weak=False, dispatch_uid=f"live_trace.{receiver.__name__}")


def _begin(**_: Any) -> None:
    _tracer.start_idempotent(**_options)


def _end(**_: Any) -> None:
    _tracer.stop()


def _task_begins(task_id: str, task: Any, **_: Any) -> None:
    _tracer.notice()
    _open[task_id] = tag(task=task.name).__enter__()


def _task_ends(task_id: str, **_: Any) -> None:
    opened = _open.pop(task_id, None)
    if opened:
        opened.__exit__()
