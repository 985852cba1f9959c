# SPDX-License-Identifier: Apache-2.0
"""Pages in headless Chromium, driven over the DevTools protocol through a pipe; nothing but the standard library.

    with Server(folder) as server, Page(server.address + "/index.html") as page:
        text = page.wait_for("document.body.innerText", lambda text: "ready" in text)
        assert not page.errors
"""

import base64
import http.server
import json
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless=new", "--no-sandbox", "--no-first-run", "--disable-dev-shm-usage", "--disable-background-networking",
         "--disable-component-update", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
         "--window-size=1200,900", "--remote-debugging-pipe"]


class Server:
    """The files of a folder on a free port of 127.0.0.1."""

    def __init__(self, folder):
        class Files(http.server.SimpleHTTPRequestHandler):
            extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".wasm": "application/wasm"}

            def __init__(self, *arguments):
                super().__init__(*arguments, directory=folder)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Page:
    """One page. `errors` is what it threw or logged as an error so far."""

    def __init__(self, address, patience=60):
        self.address, self.patience = address, patience
        self.errors, self.answers, self.number, self.buffer = [], {}, 0, b""

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="live-trace-chromium-")
        to_read, self.to = os.pipe()
        self.answers_at, from_write = os.pipe()
        # Chromium reads commands from descriptor 3 and writes answers to 4.
        command = ["sh", "-c", f'exec "$@" 3<&{to_read} 4>&{from_write}', "sh", CHROMIUM, *FLAGS,
                   f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(command, pass_fds=(to_read, from_write), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.session = None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Runtime", "Page", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=self.address)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.answers_at)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + self.patience
        while self.number not in self.answers:
            self.listen(deadline)
        answer = self.answers.pop(self.number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def listen(self, deadline):
        if not select.select([self.answers_at], [], [], max(0, deadline - time.monotonic()))[0]:
            raise TimeoutError("Chromium does not answer")
        part = os.read(self.answers_at, 1 << 16)
        if not part:
            raise RuntimeError("Chromium has ended")
        *messages, self.buffer = (self.buffer + part).split(b"\0")
        for message in map(json.loads, messages):
            self.take(message)

    def take(self, message):
        parameters = message.get("params", {})
        if "id" in message:
            self.answers[message["id"]] = message
        elif message.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif message.get("method") == "Runtime.consoleAPICalled" and parameters["type"] == "error":
            self.errors.append(" ".join(str(a.get("value", a.get("description"))) for a in parameters["args"]))
        elif message.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"])

    def mouse(self, kind, x, y, count=1):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=count, buttons=int(kind != "mouseReleased"))

    def click(self, x, y):
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)

    def drag(self, x, y, to_x, to_y):
        self.mouse("mousePressed", x, y)
        for part in (0.5, 1):
            self.mouse("mouseMoved", x + (to_x - x) * part, y + (to_y - y) * part)
        self.mouse("mouseReleased", to_x, to_y)

    def middle(self, selector):
        """Where an element is, to be clicked."""
        return self.evaluate(f"""(() => {{ const r = document.querySelector({json.dumps(selector)}).getBoundingClientRect();
            return [r.x + r.width / 2, r.y + r.height / 2]; }})()""")

    def press(self, *keys):
        """Keys by their names; a letter or digit is also typed."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def screenshot(self):
        """What is in sight, as a PNG file."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def evaluate(self, expression):
        """Its value; of a promise, what it comes to."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def wait_for(self, expression, enough=bool, patience=None):
        """The value of a JavaScript expression as soon as it is enough."""
        deadline = time.monotonic() + (patience or self.patience)
        while True:
            value = self.evaluate(expression)
            if value is not None and enough(value):
                return value
            if time.monotonic() > deadline:
                raise TimeoutError(f"{expression} is {value!r}; errors: {self.errors}")
            time.sleep(0.1)
