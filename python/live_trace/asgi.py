# SPDX-License-Identifier: Apache-2.0
"""Any ASGI application:

    app = live_trace.asgi.middleware(app)

Starlette and FastAPI also

    app.add_middleware(live_trace.asgi.middleware)

and the route is taken from their own tables."""

from typing import Any, Awaitable, Callable, Dict, Optional

from ._tags import tag
from ._tracer import flush, notice, start_idempotent

Scope = Dict[str, Any]
FULL = 2  # starlette.routing.Match.FULL


def _starlette_route(routes: Any, scope: Scope) -> Optional[str]:
    """The pattern that these routes would choose, with those of the mounts around it."""
    for route in routes:
        match, child = route.matches(scope) if hasattr(route, "matches") else (None, {})
        if getattr(match, "value", 0) != FULL:
            continue
        if hasattr(route, "effective_route_contexts"):  # a router that FastAPI has included
            return _starlette_route((context.starlette_route or context for context in route.effective_route_contexts()), scope)
        path = str(getattr(route, "path", ""))
        inner = getattr(route, "routes", None)
        return path + (_starlette_route(inner, {**scope, **child}) or "") if inner else path
    return None


class middleware:  # noqa: N801 (used like a function)
    """Starts the tracer (the options are those of live_trace.start()), and tags samples with the request's method and route.
    route: tells it by the scope, where the framework is not Starlette; a pattern, never the URL."""

    def __init__(self, app: Callable[..., Awaitable[None]], interval: float = 0.1, *,
                 route: Optional[Callable[[Scope], Optional[str]]] = None, **options: Any) -> None:
        start_idempotent(interval, **options)
        self.app, self.route = app, route

    def _tags(self, scope: Scope) -> Dict[str, str]:
        tags = {"method": str(scope.get("method") or scope["type"])}
        routes = getattr(scope.get("app"), "routes", None) or getattr(self.app, "routes", None) or ()
        pattern = self.route(scope) if self.route else _starlette_route(routes, scope)
        if pattern:
            tags["route"] = pattern
        return tags

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            flush()  # a server may end by the signal that it was sent, after its lifespan
            return
        notice()
        with tag(**self._tags(scope)):
            await self.app(scope, receive, send)
