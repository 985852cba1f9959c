# SPDX-License-Identifier: Apache-2.0
"""What is this Python process doing all day long?

    import live_trace
    live_trace.start()

A native thread takes samples of all threads' stacks and writes them to a trace; it never takes the GIL. Look at the trace
with `live-trace analyze`."""

from ._tags import tag
from ._tracer import (TracerAlreadyRunning, flush, is_running, recording, start, start_idempotent, stats, stop)

__all__ = ["TracerAlreadyRunning", "flush", "is_running", "recording", "start", "start_idempotent", "stats", "stop", "tag"]
