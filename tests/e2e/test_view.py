#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`live-trace view`: who gets the page and who does not, slow and silent visitors, a recording that grows, and all that in Chromium."""

import http.client
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import unittest

from lt_e2e import HERE, LIVE_TRACE, MAKE_TRACE, TraceTest, read
from test_html import READY, ROWS, PageTest, shares

sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
from headless import Server  # noqa: E402 (after the path)
from read_page import read_page, read_profile  # noqa: E402

ADDRESS = re.compile(r"\Ahttp://127\.0\.0\.1:(\d+)/([0-9a-f]{32})/\n\Z")
PATIENCE = 60


class ServedTest(TraceTest):
    def serve(self, *arguments, environment=None, **options):
        """Starts `view`; self.port and self.token are where."""
        self.errors = self.path("view.err")
        with open(self.errors, "wb") as errors:
            self.view = subprocess.Popen([LIVE_TRACE, "view", *arguments], stdout=subprocess.PIPE, stderr=errors, text=True,
                                         env={**self.environment, **(environment or {"BROWSER": "true"})}, cwd=self.folder, **options)
        self.addCleanup(self.view.stdout.close)
        self.addCleanup(self.view.wait)
        self.addCleanup(self.view.kill)
        line = self.view.stdout.readline()
        self.assertRegex(line, ADDRESS, self.said())
        port, self.token = ADDRESS.match(line).groups()
        self.port = int(port)
        self.address = line.strip()

    def said(self):
        with open(self.errors, encoding="utf-8") as file:
            return file.read()

    def end(self, number=signal.SIGTERM):
        self.view.send_signal(number)
        return self.view.wait(PATIENCE)

    def ask(self, path, method="GET", host=None, **fields):
        """The answer to a request: (status, fields, body). Fields by their names with _ for -."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host or f"127.0.0.1:{self.port}")
            for name, value in fields.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def status(self, path, **request):
        status, _, body = self.ask(path, **request)
        if status != 200:
            self.assertLess(len(body), 200)
            self.assertNotIn(self.token.encode(), body)
        return status

    def profile(self):
        status, fields, body = self.ask(f"/{self.token}/profile")
        self.assertEqual(status, 200)
        return read_profile(body), fields["ETag"]


class Access(ServedTest):
    def setUp(self):
        super().setUp()
        self.make("shop")

    def test_page_and_profile(self):
        self.serve("--no-browser", self.trace)
        status, fields, page = self.ask(f"/{self.token}/")
        self.assertEqual((status, fields["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertNotIn(b"shop", page)  # all that is of the recording is fetched
        for name, value in (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"), ("X-Content-Type-Options", "nosniff"),
                            ("Cross-Origin-Resource-Policy", "same-origin")):
            self.assertEqual(fields[name], value)
        self.assertRegex(fields["Content-Security-Policy"], r"default-src 'none'.*frame-ancestors 'none'")
        profile, version = self.profile()
        done = subprocess.run([LIVE_TRACE, "export", "-f", "html", self.trace], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(profile, read_page(done.stdout))
        self.assertEqual(self.ask(f"/{self.token}/profile", If_None_Match=version)[::2], (304, b""))
        self.assertEqual(self.status(f"/{self.token}/profile", If_None_Match='"7"'), 200)
        self.assertEqual(self.end(), 0)

    def test_refused(self):
        self.serve("--no-browser", self.trace)
        here, page = f"127.0.0.1:{self.port}", f"/{self.token}/"
        wrong = self.token[:-1] + ("0" if self.token[-1] != "0" else "1")
        for path in ("/", "/profile", "/favicon.ico", f"/{wrong}/", f"/{wrong}/profile", f"/{self.token}", f"/{self.token[:31]}/", "//",
                     f"/x/../{self.token}/", self.trace):
            self.assertEqual(self.status(path), 403, path)
        for path in ("../profile", "../../etc/passwd", "/etc/passwd", "%2e%2e/%2e%2e/etc/passwd", os.path.basename(self.trace), self.trace):
            self.assertEqual(self.status(page + path), 404, path)
        for host in ("evil.example", f"evil.example:{self.port}", "127.0.0.1", f"127.0.0.1:{self.port + 1}", f"127.0.0.1.evil.example:{self.port}"):
            self.assertEqual(self.status(page, host=host), 403, host)
        self.assertEqual(self.status(page, host=f"localhost:{self.port}"), 200)
        for origin in ("https://evil.example", "null", f"http://127.0.0.1:{self.port + 1}", f"https://{here}"):
            self.assertEqual(self.status(page + "profile", Origin=origin), 403, origin)
        for site in ("cross-site", "same-site"):
            self.assertEqual(self.status(page + "profile", Sec_Fetch_Site=site), 403, site)
        self.assertEqual(self.status(page + "profile", Origin=f"http://{here}", Sec_Fetch_Site="same-origin"), 200)
        for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"):
            status, fields, body = self.ask(page, method=method)
            self.assertEqual((status, fields["Allow"], fields.get("Access-Control-Allow-Origin")), (405, "GET", None), method)
            self.assertEqual(method == "HEAD", body == b"")
        self.assertEqual(self.status(page), 200)

    def test_no_requests(self):
        self.serve("--no-browser", self.trace)
        for request, status in ((b"hello\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\n\r\n", b"400"),
                                (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
                                (b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
                                (b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000, b"431")):
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
                connection.sendall(request)
                self.assertEqual(connection.recv(100).split()[1], status, request[:50])

    def test_only_on_the_loopback_address(self):
        self.serve("--no-browser", self.trace)
        with open("/proc/net/tcp", encoding="ascii") as file:
            sockets = [line.split() for line in file.readlines()[1:]]
        ours = [local for _, local, _, state, *_ in sockets if local.endswith(f":{self.port:04X}") and state == "0A"]
        self.assertEqual(ours, [f"0100007F:{self.port:04X}"])

    def test_slow_and_silent_visitors(self):
        """A hundred that say nothing, or half of something, hold up nobody, and are shown out."""
        self.serve("--no-browser", self.trace)
        begun = time.monotonic()
        visitors = [socket.create_connection(("127.0.0.1", self.port), PATIENCE) for _ in range(100)]
        try:
            for number, visitor in enumerate(visitors):
                if number % 2:
                    visitor.sendall(f"GET /{self.token}/ HTTP/1.1\r\nHost: 127.0.0.1".encode())
            for _ in range(20):
                self.assertEqual(self.status(f"/{self.token}/"), 200)
            self.assertLess(time.monotonic() - begun, 4, "the server waited for them")
            # The last one has come to its end by the server's clock.
            try:
                left = visitors[-1].recv(100)
            except ConnectionResetError:
                left = b""
            self.assertEqual(left, b"")
        finally:
            for visitor in visitors:
                visitor.close()
        # One that never takes its answer.
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            deaf.sendall(f"GET /{self.token}/ HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
            self.assertEqual(self.status(f"/{self.token}/"), 200)
        self.assertEqual(self.end(signal.SIGINT), 0)


class Command(ServedTest):
    def refused(self, status, *arguments, says=""):
        done = self.live_trace("view", "--no-browser", *arguments)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Alive-trace: [^\n]*: [^\n]*\n\Z")
        self.assertRegex(done.stderr, says)

    def test_bad_input(self):
        self.refused(1, self.path("nowhere"), says="No such file")
        self.refused(1, says="no trace|none")
        self.refused(2, "--port", "70000", says="--port")
        self.refused(2, "--form", "1", says="did you mean --from")
        with open(self.path("empty.txt"), "w", encoding="ascii") as out:
            out.write("process P pid=1\nthread T process=P tid=1\n")
        subprocess.run([MAKE_TRACE, self.path("empty.txt"), self.trace], check=True)
        self.refused(1, self.trace, says="empty")

    def test_port(self):
        self.make("shop")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.refused(1, "--port", str(port), self.trace, says="--port")
        self.serve("--no-browser", "--port", str(port), self.trace)
        self.assertEqual(self.port, port)
        self.assertIn(f"ssh -L {port}:127.0.0.1:{port}", self.said())

    def thread_names(self, profile):
        return [thread["name"] for thread in profile["about"]["threads"] if thread]

    def test_newest_trace_selection_and_standard_input(self):
        os.mkdir(self.path("traces"), 0o700)
        self.make("shop", self.path("traces/2026-01-01-00-00-00.ltrace"))
        self.serve("--no-browser", "--thread", "worker")
        profile, _ = self.profile()
        self.assertEqual(self.thread_names(profile), ["worker"])
        self.assertEqual(self.end(), 0)
        with open(self.path("traces/2026-01-01-00-00-00.ltrace"), "rb") as trace:
            self.serve("--no-browser", "-", stdin=trace)
        self.assertEqual(len(self.thread_names(self.profile()[0])), 3)

    def test_browser(self):
        """It is given an address that leads to the page once: other users can read it in the list of processes."""
        self.make("shop")
        browser = self.script(f"#!/bin/sh\necho \"$1\" >{self.path('opened.new')}\nmv {self.path('opened.new')} {self.path('opened')}\n", "browser")
        os.chmod(browser, os.stat(browser).st_mode | stat.S_IXUSR)
        self.serve(self.trace, environment={"BROWSER": browser})
        deadline = time.monotonic() + PATIENCE
        while not os.path.exists(self.path("opened")) and time.monotonic() < deadline:
            time.sleep(0.05)
        with open(self.path("opened"), encoding="ascii") as file:
            opened = file.read().strip()
        self.assertTrue(opened.startswith(f"http://127.0.0.1:{self.port}/"))
        self.assertNotIn(self.token, opened)
        path = opened[opened.rindex("/"):]
        status, fields, _ = self.ask(path)
        self.assertEqual((status, fields["Location"]), (303, f"/{self.token}/"))
        self.assertEqual(self.status(path), 403)
        self.assertEqual(self.end(), 0)

    def test_no_browser_to_be_had(self):
        self.make("shop")
        for browser, says in ((self.path("nowhere"), "cannot be started"), ("false", "no browser could be opened")):
            self.serve(self.trace, environment={"BROWSER": browser})
            deadline = time.monotonic() + PATIENCE
            while says not in self.said() and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertIn(f"{says}", self.said())
            self.assertEqual(self.status(f"/{self.token}/"), 200)
            self.assertEqual(self.end(), 0)

    def test_more_detail_than_a_file(self):
        with open(self.path("long.txt"), "w", encoding="utf-8") as out:
            out.write("interval 1s\nprocess P pid=1\nthread T process=P tid=1\n")
            for part in range(50):
                out.write(f"set T cpu main@/srv/main.py:{part % 7 + 1}\ntick 100\n")
        subprocess.run([MAKE_TRACE, self.path("long.txt"), self.trace], check=True)
        self.serve("--no-browser", self.trace)
        profile, _ = self.profile()
        done = subprocess.run([LIVE_TRACE, "export", "-f", "html", self.trace], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual((profile["about"]["slots"], profile["about"]["slot"]), (5000, 1))
        self.assertLess(read_page(done.stdout)["about"]["slots"], 2048)
        self.assertEqual(sum(cell[4] for cell in profile["cells"]), 5000 * 1_000_000)


class WithProgram(ServedTest):
    """A program that runs as long as a test wants, and is recorded meanwhile."""

    def setUp(self):
        super().setUp()
        self.program = None

    def start_program(self):
        """Starts it: in early() until the file "turn" is there, in late() until "stop" is. There is something in self.trace."""
        script = self.script("""
            import os, sys, time
            def early():
                sum(range(20000))
            def late():
                sum(range(20000))
            recorder, end = os.getppid(), time.monotonic() + 100
            def goes_on(name):
                return not os.path.exists(name) and os.getppid() == recorder and time.monotonic() < end
            while goes_on("turn"):
                early()
            while goes_on("stop"):
                late()
        """)
        self.program = subprocess.Popen([LIVE_TRACE, "run", "-q", "-o", self.trace, "-r", "200", script], env=self.environment, cwd=self.folder)
        self.addCleanup(self.program.wait)
        self.addCleanup(self.program.kill)
        self.wait_for(lambda: os.path.exists(self.trace) and os.path.getsize(self.trace) > 0 and
                      self.live_trace("analyze", self.trace).stdout.count("early"))

    def touch(self, name):
        with open(self.path(name), "w", encoding="ascii"):
            pass

    def wait_for(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)

class Growing(WithProgram):
    def names(self):
        return {frame["name"] for frame in self.profile()[0]["frames"]}

    def test_new_versions(self):
        self.start_program()
        self.serve("--no-browser", self.trace)
        before, version = self.profile()
        self.assertFalse(before["recording"]["health"]["complete"])
        self.touch("turn")
        self.wait_for(lambda: "late" in self.names())
        self.assertNotEqual(self.profile()[1], version)
        self.touch("stop")
        self.program.wait(PATIENCE)
        self.wait_for(lambda: self.profile()[0]["recording"]["health"]["complete"])
        after, _ = self.profile()
        self.assertEqual(sum(cell[3] for cell in after["cells"]), len(read(self.trace)[1]))
        self.assertEqual(self.end(), 0)
        self.assertEqual(self.said().count("\n"), 1, self.said())

    def test_nothing_is_left(self):
        """Not even what was making a new version."""
        self.start_program()
        self.serve("--no-browser", self.trace)
        self.touch("turn")
        time.sleep(3)
        self.profile()
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.view.pid)], stdout=subprocess.PIPE, text=True, check=False).stdout.split()
        self.assertEqual(self.end(), 0)
        self.assertFalse([pid for pid in children if os.path.exists(f"/proc/{pid}")])


class InBrowser(WithProgram, PageTest):
    def visit(self, address=""):
        self.browser.errors.clear()
        self.browser.call("Page.navigate", url="about:blank")
        self.browser.call("Page.navigate", url=self.address + address)
        self.browser.wait_for(READY)
        return self.browser

    def test_figures(self):
        self.make("shop")
        self.serve("--no-browser", self.trace)
        page = self.visit("#view=table")
        self.assertEqual(self.table(page), shares(read(self.trace)[1]))
        self.assertTrue(page.evaluate("byId('live').hidden"))
        self.assertEqual(page.errors, [])

    def test_live(self):
        """What is new is shown, and what was looked at stays."""
        self.start_program()
        self.serve("--no-browser", self.trace)
        page = self.visit("#view=table&search=early%7Clate")
        self.assertEqual([row[0] for row in page.evaluate(ROWS)], ["early"])
        page.click(*page.middle("#view .row"))
        page.wait_for("page.chosen && page.chosen.tree.items[page.chosen.key].name === 'early'")
        self.touch("turn")
        page.wait_for(f"{ROWS}.length", lambda rows: rows == 2)
        self.assertEqual(page.evaluate("[page.chosen.tree === page.tree, page.chosen.tree.items[page.chosen.key].name, byId('search').value]"),
                         [True, "early", "early|late"])
        self.assertEqual(page.evaluate("byId('live').textContent"), "● live")
        # A zoomed box stays zoomed.
        page.press("Escape")
        self.go(page, "flame")
        left, top, width = self.box(page, "early")
        page.click(left + width / 2, top + 8)
        shown = page.evaluate("page.live.version")
        page.wait_for("page.live.version", lambda version: version != shown)
        self.settle(page)
        self.assertEqual(page.evaluate("[page.flame.zoomed.item.name, page.flame.graph.tree === page.tree]"), ["early", True])
        # Paused, nothing changes; then it goes on to the end.
        self.press_button(page, "● live")
        shown = page.evaluate("page.live.version")
        self.touch("stop")
        self.program.wait(PATIENCE)
        time.sleep(5)
        self.assertEqual(page.evaluate("page.live.version"), shown)
        page.press("p")
        page.wait_for("byId('live').hidden && page.profile.recording.health.complete")
        self.go(page, "table")
        wanted = shares(read(self.trace)[1])
        self.assertEqual({name: row for name, row in self.table(page).items() if name in ("early", "late")},
                         {name: wanted[name] for name in ("early", "late")})
        self.assertEqual(page.errors, [])

    def test_server_ends(self):
        self.start_program()
        self.serve("--no-browser", self.trace)
        page = self.visit()
        self.end()
        page.wait_for("byId('live').textContent === 'not served any more'")
        self.go(page, "table")
        self.assertIn("early", self.table(page))
        self.touch("turn")
        self.touch("stop")
        self.program.wait(PATIENCE)

    def test_other_origins(self):
        """A page of another port of this machine reads nothing, shows nothing, and learns nothing, though it knows the address."""
        self.make("shop")
        self.serve("--no-browser", self.trace)
        os.mkdir(self.path("site"))
        with open(self.path("site/index.html"), "w", encoding="utf-8") as out:
            out.write("<!DOCTYPE html><title>other</title><body></body>")
        with Server(self.path("site")) as other:
            self.browser.call("Page.navigate", url=other.address + "/index.html")
            page = self.browser
            page.wait_for("document.title === 'other' && document.body !== null")
            for path in ("", "profile"):
                for mode in ("cors", "no-cors"):
                    self.assertEqual(page.evaluate(f"""fetch("{self.address}{path}", {{mode: "{mode}"}}).then(
                        (answer) => answer.text(), () => "refused")"""), "refused", mode)
            for element in ("script", "img", "iframe"):
                loaded = page.evaluate(f"""new Promise((resolve) => {{
                    const e = document.createElement("{element}");
                    e.onload = () => {{ let text; try {{ text = e.contentDocument && e.contentDocument.body.innerText; }} catch {{ text = null; }}
                        resolve(text || "nothing"); }};
                    e.onerror = () => resolve("nothing");
                    e.src = "{self.address}profile";
                    document.body.append(e);
                }})""")
                self.assertEqual(loaded, "nothing", element)


if __name__ == "__main__":
    unittest.main()
