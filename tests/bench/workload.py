# SPDX-License-Identifier: Apache-2.0
"""Programs to record, from the standard library alone: `workload.py threads SECONDS`, four busy threads of parsing, matching
and arithmetic; `workload.py web SECONDS`, a web worker with four threads, 20 requests a second of routes that render, query
and compute, each for some ten milliseconds, and a thread that keeps house."""

import concurrent.futures
import difflib
import fractions
import html
import json
import random
import re
import sqlite3
import statistics
import string
import subprocess
import sys
import textwrap
import threading
import time
import wsgiref.simple_server

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu".split()


def some_json(rng):
    rows = [{"id": i, "name": rng.choice(WORDS), "tags": rng.sample(WORDS, 4), "value": rng.random()} for i in range(60)]
    return json.loads(json.dumps(rows, indent=1, sort_keys=True))


def some_matching(rng):
    text = " ".join(rng.choices(WORDS, k=300))
    found = re.findall(r"\b(\w+)a (\w)", text)
    return re.sub(r"(\w+) (\w+)", lambda match: match[2] + " " + match[1], text), textwrap.fill(text), found


def some_differences(rng):
    one, other = rng.choices(WORDS, k=60), rng.choices(WORDS, k=60)
    return list(difflib.unified_diff(one, other)), difflib.get_close_matches("gamm", one)


def some_arithmetic(rng):
    values = [fractions.Fraction(rng.randrange(1, 1000), rng.randrange(1, 1000)) for _ in range(60)]
    return sum(values), statistics.mean(values), statistics.pstdev([float(v) for v in values])


def down(depth, work, rng):
    """The frames of a framework around the work."""
    return down(depth - 1, work, rng) if depth else work(rng)


def threads(seconds):
    works = [some_json, some_matching, some_differences, some_arithmetic]
    end = time.monotonic() + seconds

    def loop(number):
        rng = random.Random(number)
        while time.monotonic() < end:
            down(rng.randrange(4, 12), rng.choice(works), rng)
    running = [threading.Thread(target=loop, args=(n,), name=f"worker-{n}") for n in range(4)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


class App:
    """Routes, middlewares, a template and a data base."""

    def __init__(self):
        self.local = threading.local()
        self.routes = {"/list": self.listing, "/item": self.item, "/search": self.search, "/stats": self.stats}

    def database(self):
        if not hasattr(self.local, "database"):
            self.local.database = sqlite3.connect(":memory:")
            self.local.database.execute("CREATE TABLE items (name TEXT, value REAL)")
            rows = [(random.choice(WORDS), random.random()) for _ in range(2000)]
            self.local.database.executemany("INSERT INTO items VALUES (?, ?)", rows)
        return self.local.database

    def listing(self):
        rows = self.database().execute("SELECT name, value FROM items ORDER BY value LIMIT 200").fetchall()
        return self.render("list", [{"name": name, "value": value} for name, value in rows])

    def item(self):
        return json.dumps(some_json(random), indent=1)

    def search(self):
        return self.render("search", [{"name": word, "value": len(word)} for word in some_matching(random)[0].split()])

    def stats(self):
        return str(some_arithmetic(random)) + str(some_differences(random))

    def render(self, title, rows):
        row = string.Template("<tr><td>$name</td><td>$value</td></tr>")
        body = "\n".join(row.substitute({key: html.escape(str(value)) for key, value in item.items()}) for item in rows)
        return f"<h1>{title}</h1><table>{body}</table>"

    def log(self, environ, handle):
        begun = time.monotonic()
        answer = handle(environ)
        environ["took"] = f"{time.monotonic() - begun:.4f}"
        return answer

    def session(self, environ, handle):
        environ["session"] = json.loads(json.dumps({"user": random.choice(WORDS)}))
        return handle(environ)

    def route(self, environ):
        return self.routes[environ["PATH_INFO"]]()

    def __call__(self, environ, start_response):
        answer = self.log(environ, lambda env: self.session(env, self.route)).encode()
        start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(answer)))])
        return [answer]


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


class Server(wsgiref.simple_server.WSGIServer):
    pool = concurrent.futures.ThreadPoolExecutor(4, "request")

    def process_request(self, request, client_address):
        self.pool.submit(self.work, request, client_address)

    def work(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)


CLIENT = """
import random, sys, time, urllib.request
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    path = random.choice(["list", "item", "search", "stats"])
    urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/{path}").read()
    time.sleep(random.expovariate(25))
"""


def keep_house():
    while True:
        time.sleep(1)
        len(json.dumps(list(range(1000))))


def web(seconds):
    server = wsgiref.simple_server.make_server("127.0.0.1", 0, App(), Server, Handler)
    threading.Thread(target=keep_house, name="housekeeper", daemon=True).start()
    client = subprocess.Popen([sys.executable, "-c", CLIENT, str(server.server_port), str(seconds)])
    threading.Thread(target=lambda: (client.wait(), server.shutdown()), name="client", daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    {"threads": threads, "web": web}[sys.argv[1]](float(sys.argv[2]))
