#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests and tasks of real frameworks under real servers: each sample of a view says its route and its method."""

import glob
import os
import signal
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from lt_e2e import TraceTest, info, package, package_environment, read, virtual_environment

DJANGO = """
import os, sys, time
from django.conf import settings
if not settings.configured:
    settings.configure(SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=[
        "live_trace.django_middleware.LiveTraceMiddleware"], LIVE_TRACE_INTERVAL=0.005)
    import django
    django.setup()
from django.http import HttpResponse
def hot(seconds=0.3):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
def article(request, number):
    hot()
    return HttpResponse("read")
def home(request):
    hot()
    return HttpResponse("home")
async def slow(request):
    hot()
    return HttpResponse("slow")
from django.urls import include, path, re_path
urlpatterns = [path("articles/<int:number>/", article), re_path(r"^old/(\\d+)/$", article), path("", home)]
if django.VERSION >= (3, 1):
    urlpatterns.append(path("slow/", slow))
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
if django.VERSION >= (3, 1):
    from django.core.asgi import get_asgi_application
    asgi = get_asgi_application()
"""

FLASK = """
import time, flask, live_trace.wsgi
app = flask.Flask(__name__)
live_trace.wsgi.middleware(app, 0.005)
def hot(seconds=0.3):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
@app.route("/articles/<int:number>/", methods=["GET", "POST"])
def article(number):
    hot()
    return "read"
@app.route("/parts/")
def parts():
    def rows():
        hot()
        yield "parts"
    return app.response_class(rows())
"""

STARLETTE = """
import time, live_trace.asgi
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
def hot(seconds=0.3):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
async def article(request):
    hot()
    return PlainTextResponse("read")
def in_thread(request):
    hot()
    return PlainTextResponse("thread")
app = Starlette(routes=[Mount("/api", routes=[Route("/articles/{number:int}", article)]), Route("/thread", in_thread)])
app.add_middleware(live_trace.asgi.middleware, interval=0.005)
"""

FASTAPI = """
import time, fastapi, live_trace.asgi
def hot(seconds=0.3):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
orders = fastapi.APIRouter(prefix="/orders")
@orders.get("/{number}/lines")
async def lines(number: int):
    hot()
    return number
@orders.post("/{number}")
def in_thread(number: int):
    hot()
    return number
app = fastapi.FastAPI()
app.include_router(orders, prefix="/v1")
app.add_middleware(live_trace.asgi.middleware, interval=0.005)
"""

# A worker in a thread of the program that sends the tasks: other processes do not see its broker.
CELERY_IN_MEMORY = """
import time, celery, live_trace.celery
from celery.contrib.testing.worker import start_worker
app = celery.Celery("shop", broker="memory://", backend="cache+memory://")
live_trace.celery.install(0.005)
def hot(seconds=0.3):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
@app.task
def invoice():
    hot()
    return "sent"
@app.task
def reminder():
    hot()
    raise ValueError("no address")
if __name__ == "__main__":
    with start_worker(app, perform_ping_check=False):
        print(invoice.delay().get(timeout=20))
        print(type(reminder.delay().get(timeout=20, propagate=False)).__name__)
"""

CELERY = """
import sys, time, celery, live_trace.celery
app = celery.Celery("shop", broker="filesystem://", broker_transport_options={
    "data_folder_in": sys.argv[0] and "queue", "data_folder_out": "queue", "control_folder": "control"})
app.conf.worker_hijack_root_logger = False
live_trace.celery.install(0.005)
def hot(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
@app.task
def invoice(seconds):
    hot(seconds)
"""


class MiddlewareTest(TraceTest):
    def setUp(self):
        super().setUp()
        if not package():
            self.skipTest("middlewares: built without Python.h")
        self.environment.update(package_environment())
        self.environment["PYTHONPATH"] += os.pathsep + self.folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def have(self, version, *packages):
        self.programs, why = virtual_environment(version, *packages)
        if why:
            self.skipTest(f"that {' '.join(packages)} is tagged: {why}")

    def serve(self, *command):
        with open(self.path("log"), "wb") as log:
            process = subprocess.Popen([os.path.join(self.programs, command[0]), *command[1:]], cwd=self.folder,
                                       env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def log(self):
        with open(self.path("log"), encoding="utf-8") as file:
            return file.read()

    def get(self, path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        for _ in range(300):
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.read().decode()
            except urllib.error.HTTPError as error:
                return str(error.code)
            except OSError:
                time.sleep(0.05)
        self.fail(self.log())

    def end(self, process, number=signal.SIGTERM):
        process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            self.fail("it hangs: " + self.log())

    def tags_of(self, function):
        """The tags of all samples that have this function on their stack, in all traces."""
        return {tuple(sorted(sample["tags"].items())) for sample in read(self.path("traces"))[1]
                for frame in sample["stack"] if frame["name"].split(".")[-1] == function}

    def check(self, function, **tags):
        self.assertEqual(self.tags_of(function), {tuple(sorted(tags.items()))}, self.log())


class Django(MiddlewareTest):
    def gunicorn(self, *options):
        self.script(DJANGO, "site_module.py")
        process = self.serve("gunicorn", "-b", f"127.0.0.1:{self.port}", "-w", "2", *options, "site_module:application")
        self.assertEqual(self.get("/articles/17/"), "read")
        self.assertEqual(self.get("/"), "home")
        self.assertEqual(self.get("/nowhere/"), "404")
        self.end(process)
        self.check("article", route="/articles/<int:number>/", method="GET")
        self.check("home", route="/", method="GET")
        return len(glob.glob(self.path("traces/*.ltrace")))

    def test_oldest(self):
        self.have((3, 8), "Django==2.2.28", "gunicorn")
        self.assertEqual(self.gunicorn(), 2)

    def test_newest(self):
        self.have((3, 12), "Django<6", "gunicorn", "uvicorn")
        self.assertEqual(self.gunicorn(), 2)

    def test_preloaded(self):
        """The master forks its workers after it has begun to sample."""
        self.have((3, 12), "Django<6", "gunicorn", "uvicorn")
        self.assertEqual(self.gunicorn("--preload"), 3)

    def test_asgi(self):
        """Async views, and sync ones, which run in another thread with a copy of the context."""
        self.have((3, 12), "Django<6", "gunicorn", "uvicorn")
        self.script(DJANGO, "site_module.py")
        process = self.serve("uvicorn", "--port", str(self.port), "site_module:asgi")
        self.assertEqual(self.get("/slow/"), "slow")
        self.assertEqual(self.get("/old/17/"), "read")
        self.end(process, signal.SIGINT)  # by SIGTERM, uvicorn does not let Python end
        self.check("slow", route="/slow/", method="GET")
        self.check("article", route=r"/old/(\d+)/$", method="GET")

    def test_analyze(self):
        """What the reader of the report wants to know: which route, and which of my lines."""
        self.have((3, 12), "Django<6", "gunicorn", "uvicorn")
        self.gunicorn()
        report = self.live_trace("analyze", "--by", "tag:route", "traces")
        self.assertRegex(report.stdout, r"Tag: route=/articles/<int:number>/")
        report = self.live_trace("analyze", "--tag", "route=/", "--sum-all-frames", "traces")
        self.assertRegex(report.stdout, r"site_module.py\", line \d+, in home +<====")
        self.assertNotIn("article", report.stdout)

    def test_rotation(self):
        """The settings' bounds: a file a second, each of them whole."""
        self.have((3, 12), "Django<6", "gunicorn", "uvicorn")
        self.script(DJANGO.replace("=0.005", "=0.005, LIVE_TRACE_ROTATE_SECONDS=1"), "site_module.py")
        process = self.serve("gunicorn", "-b", f"127.0.0.1:{self.port}", "site_module:application")
        for _ in range(14):  # 0.3 s each
            self.assertEqual(self.get("/"), "home")
        self.end(process)
        traces = glob.glob(self.path("traces/*.ltrace"))
        self.assertGreater(len(traces), 2)
        self.assertEqual({info(trace)["complete"] for trace in traces}, {True})
        self.check("home", route="/", method="GET")

    def test_switched_off(self):
        self.have((3, 12), "Django<6", "gunicorn", "uvicorn")
        self.script(DJANGO.replace("0.005", "None"), "site_module.py")
        process = self.serve("gunicorn", "-b", f"127.0.0.1:{self.port}", "site_module:application")
        self.assertEqual(self.get("/"), "home")
        self.end(process)
        self.assertEqual(glob.glob(self.path("traces/*")), [])

    def test_older_setting(self):
        """live_trace_interval, as the original's README has it."""
        self.have((3, 12), "Django<6", "gunicorn", "uvicorn")
        self.script("SECRET_KEY = 'x'\nlive_trace_interval = 0.07\n", "settings_module.py")
        self.environment["DJANGO_SETTINGS_MODULE"] = "settings_module"
        done = subprocess.run([os.path.join(self.programs, "python"), "-c",
                               "from live_trace import django_middleware; print(django_middleware.interval())"],
                              env=self.environment, stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(done.stdout, "0.07\n")


class Others(MiddlewareTest):
    def test_flask(self):
        self.have((3, 12), "flask", "gunicorn")
        self.script(FLASK, "shop.py")
        process = self.serve("gunicorn", "-b", f"127.0.0.1:{self.port}", "shop:app")
        self.assertEqual(self.get("/articles/3/", "POST"), "read")
        self.assertEqual(self.get("/parts/"), "parts")
        self.end(process)
        self.check("article", route="/articles/<int:number>/", method="POST")
        self.check("rows", route="/parts/", method="GET")

    def test_starlette(self):
        self.have((3, 12), "starlette", "uvicorn")
        self.script(STARLETTE, "shop.py")
        process = self.serve("uvicorn", "--port", str(self.port), "shop:app")
        self.assertEqual(self.get("/api/articles/3"), "read")
        self.assertEqual(self.get("/thread"), "thread")
        self.end(process)
        self.check("article", route="/api/articles/{number:int}", method="GET")
        self.check("in_thread", route="/thread", method="GET")

    def test_fastapi(self):
        self.have((3, 12), "fastapi", "uvicorn")
        self.script(FASTAPI, "shop.py")
        process = self.serve("uvicorn", "--port", str(self.port), "shop:app")
        self.assertEqual(self.get("/v1/orders/3/lines"), "3")
        self.assertEqual(self.get("/v1/orders/4", "POST"), "4")
        self.end(process)
        self.check("lines", route="/v1/orders/{number}/lines", method="GET")
        self.check("in_thread", route="/v1/orders/{number}", method="POST")

    def test_uwsgi(self):
        """Its master forks workers, and tells Python of it if it was asked to."""
        self.have((3, 12), "pyuwsgi", "flask")
        self.script(FLASK, "shop.py")
        process = self.serve("uwsgi", "--http-socket", f"127.0.0.1:{self.port}", "--master", "--processes", "2",
                             "--enable-threads", "--py-call-osafterfork", "--die-on-term", "--module", "shop:app")
        self.assertEqual(self.get("/articles/3/", "POST"), "read")
        self.assertEqual(self.get("/parts/"), "parts")
        time.sleep(1.5)  # uWSGI may end its workers without Python being told: then the last second is lost
        self.end(process)
        self.check("article", route="/articles/<int:number>/", method="POST")
        self.check("rows", route="/parts/", method="GET")

    def test_celery_in_memory(self):
        self.have((3, 12), "celery")
        self.script(CELERY_IN_MEMORY, "shop.py")
        self.assertEqual(self.serve("python", "shop.py").wait(60), 0, self.log())
        self.check("invoice", task="shop.invoice")
        self.check("reminder", task="shop.reminder")

    def test_celery(self):
        """A worker with a prefork pool; its broker is a folder."""
        self.have((3, 12), "celery")
        for folder in ("queue", "control"):
            os.mkdir(self.path(folder))
        self.script(CELERY, "shop.py")
        process = self.serve("celery", "-A", "shop", "worker", "-c", "2", "--without-gossip", "--without-mingle")
        subprocess.run([os.path.join(self.programs, "python"), "-c", "import shop; [shop.invoice.delay(0.5) for _ in range(2)]"],
                       cwd=self.folder, env=self.environment, check=True, timeout=30)
        deadline = time.monotonic() + 30
        while glob.glob(self.path("queue/*")) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1.5)
        self.end(process)
        self.check("invoice", task="shop.invoice")


if __name__ == "__main__":
    unittest.main()
