# SPDX-License-Identifier: Apache-2.0
"""Django, 2.2 and later, under WSGI and ASGI. In the settings:

    MIDDLEWARE = ["live_trace.django_middleware.LiveTraceMiddleware", ...]
    LIVE_TRACE_INTERVAL = 0.3       # seconds; None or 0: off

LIVE_TRACE_ROTATE_SECONDS, LIVE_TRACE_ROTATE_BYTES and LIVE_TRACE_MAX_BYTES are those of live_trace.start().

First in the list, the other middlewares are tagged too."""

import sys
from typing import Any, Callable, Optional

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed

from ._tags import add, tag
from ._tracer import BOUNDS, notice, start_idempotent

try:
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction
except ImportError:  # before asgiref 3.6, Django 4.2
    import asyncio
    from asyncio import iscoroutinefunction

    def markcoroutinefunction(instance: Any) -> Any:
        instance._is_coroutine = getattr(asyncio.coroutines, "_is_coroutine")
        return instance

DEFAULT_INTERVAL = 0.3


def interval() -> Optional[float]:
    """LIVE_TRACE_INTERVAL, or the older live_trace_interval, which Django itself leaves out as it is not in capitals."""
    module = sys.modules.get(getattr(settings, "SETTINGS_MODULE", None) or "")
    older = getattr(module, "live_trace_interval", DEFAULT_INTERVAL)
    value: Optional[float] = getattr(settings, "LIVE_TRACE_INTERVAL", older)
    return value


class LiveTraceMiddleware:
    """Starts the tracer, and tags all samples with the request's method and route: the pattern, not the URL."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        seconds = interval()
        if not seconds:
            raise MiddlewareNotUsed("LIVE_TRACE_INTERVAL is off")
        bounds = {name: f"LIVE_TRACE_{name.upper()}" for name in BOUNDS}
        start_idempotent(seconds, **{name: getattr(settings, own) for name, own in bounds.items() if hasattr(settings, own)})
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            # Django would run one that is not async in another thread, for each request.
            self.process_view = self._process_view_async
            self._call = self._call_async
        else:
            self.process_view = self._process_view
            self._call = self._call_sync

    def __call__(self, request: Any) -> Any:
        notice()
        return self._call(request)

    def _call_sync(self, request: Any) -> Any:
        with tag(method=request.method):
            return self.get_response(request)

    async def _call_async(self, request: Any) -> Any:
        with tag(method=request.method):
            return await self.get_response(request)

    def _process_view(self, request: Any, *view: Any) -> None:
        match = request.resolver_match
        add(route="/" + match.route.lstrip("^/"))

    async def _process_view_async(self, request: Any, *view: Any) -> None:
        self._process_view(request)
