# SPDX-License-Identifier: Apache-2.0
"""Any WSGI application:

    application = live_trace.wsgi.middleware(application)

Flask:

    app = Flask(__name__)
    live_trace.wsgi.middleware(app)

which takes the route from Flask's own rules."""

from typing import Any, Callable, Dict, Iterable, Iterator, Optional

from ._tags import add, tag
from ._tracer import notice, start_idempotent

Environ = Dict[str, Any]


class _Body:
    """The parts of a response are made while they are iterated over."""

    def __init__(self, body: Iterable[bytes], tags: Dict[str, Any]) -> None:
        self._body, self._parts, self._tags = body, iter(body), tags

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with tag(**self._tags):
            return next(self._parts)

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close:
            with tag(**self._tags):
                close()


def middleware(app: Any, interval: float = 0.1, *, route: Optional[Callable[[Environ], Optional[str]]] = None,
               **options: Any) -> Any:
    """Wraps an application; starts the tracer (the options are those of live_trace.start()), and tags samples with the
    request's method and route. route: tells it by the environ, where the framework is not Flask; a pattern, never the URL.
    Of a Flask object its wsgi_app is wrapped, and the object itself returned."""
    start_idempotent(interval, **options)
    if hasattr(app, "wsgi_app") and hasattr(app, "before_request"):
        app.before_request_funcs.setdefault(None, []).insert(0, _tag_flask)
        app.wsgi_app = _wrap(app.wsgi_app, route)
        return app
    return _wrap(app, route)


def _wrap(app: Callable[..., Iterable[bytes]], route: Optional[Callable[[Environ], Optional[str]]]) -> Callable[..., Any]:
    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        notice()
        tags = {"method": environ.get("REQUEST_METHOD", "")}
        pattern = route(environ) if route else None
        if pattern:
            tags["route"] = pattern
        with tag(**tags):
            body = app(environ, start_response)
            tags = _with_flask(environ, tags)
        return body if _is_done(environ, body) else _Body(body, tags)
    return application


def _is_done(environ: Environ, body: Iterable[bytes]) -> bool:
    """A list is complete; a file that the server sends by itself has to stay what it is."""
    file_wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(body, (list, tuple)) or isinstance(file_wrapper, type) and isinstance(body, file_wrapper)


def _with_flask(environ: Environ, tags: Dict[str, Any]) -> Dict[str, Any]:
    rule = environ.get("live_trace.route")
    return dict(tags, route=rule) if rule else tags


def _tag_flask() -> None:
    from flask import request
    rule = request.url_rule
    if rule is not None:
        request.environ["live_trace.route"] = rule.rule
        add(route=rule.rule)
