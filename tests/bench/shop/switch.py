# SPDX-License-Identifier: Apache-2.0
"""What samples this worker can be changed while it works, so that one and the same worker is measured with it and without.

The bench writes "NAME HZ" into the file $SHOP_SAMPLER, sends SIGRTMIN, and waits until $SHOP_SAMPLER.PID says the same."""

import linecache
import os
import signal
import sys
import threading

from django.conf import settings


class Nothing:
    def __init__(self, rate, get_response):
        self.handle = get_response

    def process_view(self, *view):
        return None

    def stop(self):
        pass


class LiveTrace(Nothing):
    """As a user has it: by the middleware."""

    def __init__(self, rate, get_response):
        from live_trace.django_middleware import LiveTraceMiddleware
        settings.LIVE_TRACE_INTERVAL = 1 / rate
        self.handle = LiveTraceMiddleware(get_response)
        self.process_view = self.handle.process_view

    def stop(self):
        import live_trace
        live_trace.stop()


class Pyinstrument(Nothing):
    """Of the thread that serves, without its report."""

    def __init__(self, rate, get_response):
        import pyinstrument
        self.handle = get_response
        self.profiler = pyinstrument.Profiler(interval=1 / rate, async_mode="disabled")
        self.profiler.start()

    def stop(self):
        self.profiler.stop()
        self.profiler.reset()


class PythonThread(Nothing):
    """The method of the first live-trace: a thread that asks for all frames and writes them as text."""

    def __init__(self, rate, get_response):
        self.handle = get_response
        self.interval, self.enough = 1 / rate, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with open(os.devnull, "w", encoding="utf-8") as out:
            while not self.enough.wait(self.interval):
                for ident, frame in sys._current_frames().items():
                    if ident != self.thread.ident:
                        out.write(self.text(ident, frame))

    def text(self, ident, frame):
        lines = []
        while frame:
            code, number = frame.f_code, frame.f_lineno
            lines.append(f'File: "{code.co_filename}", line {number}, in {code.co_name}\n'
                         f"  {linecache.getline(code.co_filename, number).strip()}")
            frame = frame.f_back
        return f"\n\n#START\n# ThreadID: {ident}\n" + "\n".join(reversed(lines)) + "\n#END\n"

    def stop(self):
        self.enough.set()
        self.thread.join()


SAMPLERS = {"none": Nothing, "live-trace": LiveTrace, "pyinstrument": Pyinstrument, "Python thread": PythonThread}


class Switch:
    """A middleware around the sampler's own, if it has one."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.sampler = Nothing(0, get_response)
        signal.signal(signal.SIGRTMIN, self.change)
        self.tell("none 0")

    def __call__(self, request):
        return self.sampler.handle(request)

    def process_view(self, *view):
        return self.sampler.process_view(*view)

    def change(self, *_):
        with open(os.environ["SHOP_SAMPLER"], encoding="ascii") as file:
            wanted = file.read()
        name, _, rate = wanted.rpartition(" ")
        self.sampler.stop()
        self.sampler = SAMPLERS[name](float(rate), self.get_response)
        self.tell(wanted)

    def tell(self, wanted):
        path = f"{os.environ['SHOP_SAMPLER']}.{os.getpid()}"
        with open(path + ".new", "w", encoding="ascii") as out:
            out.write(wanted)
        os.rename(path + ".new", path)
