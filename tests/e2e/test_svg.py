#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The flame graph in the browser, as people use it: they click, search, press keys, send the link to a colleague, look
at it on a phone and in the dark. What is seen is compared with what was drawn, box by box, down to the pixels."""

import contextlib
import functools
import json
import os
import re
import sys
import unittest
from xml.etree import ElementTree

from lt_e2e import HERE, MAKE_TRACE, TraceTest

sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
from headless import CHROMIUM, Page, Server  # noqa: E402 (after the path)

SVG = "{http://www.w3.org/2000/svg}"
PALETTES = ("owner", "module", "hot", "blue", "green", "purple", "grey")

# What a page knows of a box that can be seen: its name, where it is, its colours.
BOXES = """[...document.querySelectorAll("[data-b]")].filter(g => g.style.display !== "none").map(g => {
    const rect = g.querySelector("rect"), text = g.querySelector("text"), place = rect.getBoundingClientRect();
    return {label: g.querySelector("title").textContent.split("\\n")[0], x: place.x, y: place.y, width: place.width,
            height: place.height, caption: text ? text.textContent : "", fill: getComputedStyle(rect).fill,
            ink: text ? getComputedStyle(text).fill : null, color: g.classList[0], states: [...g.classList].slice(1).sort()};
})"""
# The pixels of a picture at some points, as the browser itself decodes it.
PIXELS = """(() => {
    const canvas = document.createElementNS("http://www.w3.org/1999/xhtml", "canvas");
    canvas.width = picture.width;
    canvas.height = picture.height;
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    return POINTS.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3));
})()"""
# Texts outside of boxes, with the background that they are on.
TEXTS = """[...document.querySelectorAll(".panel *")].filter(e => e.getBoundingClientRect().width > 0 &&
    [...e.childNodes].some(node => node.nodeType === 3)).map(e => {
    let below = e;
    const solid = e => getComputedStyle(e).backgroundColor;
    while (below.parentElement && /, 0\\)$/.test(solid(below))) below = below.parentElement;
    return {text: e.textContent, ink: getComputedStyle(e).color, fill: solid(below)};
})"""


def rgb(color):
    return tuple(map(int, re.findall(r"\d+", color)[:3]))


def contrast(one, other):
    """WCAG 2: 4.5 and more can be read by people who see badly."""
    def luminance(color):
        parts = [c / 255 for c in color]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class Window:
    """A page with a flame graph, and hands that use it."""

    def __init__(self, page):
        self.page = page

    def evaluate(self, expression):
        return self.page.evaluate(expression)

    def boxes(self):
        return self.evaluate(BOXES)

    def box(self, label):
        return next(box for box in self.boxes() if box["label"] == label)

    def labels(self):
        return [box["label"] for box in self.boxes()]

    def address(self):
        return self.evaluate("location.hash")

    def matched(self):
        return self.evaluate("document.querySelector('output.matched').textContent")

    def details(self):
        return self.evaluate("document.querySelector('.details').textContent")

    def point(self, box):
        return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}

    def click(self, box):
        for kind in ("mousePressed", "mouseReleased"):
            self.page.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **self.point(box))

    def tap(self, box):
        self.page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[self.point(box)])
        self.page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def hover(self, box):
        self.page.call("Input.dispatchMouseEvent", type="mouseMoved", **self.point(box))

    def press(self, key, modifiers=0):
        text = {"text": key} if len(key) == 1 and not modifiers else {"text": "\r"} if key == "Enter" else {}
        self.page.call("Input.dispatchKeyEvent", type="keyDown", key=key, modifiers=modifiers, **text)
        self.page.call("Input.dispatchKeyEvent", type="keyUp", key=key, modifiers=modifiers)

    def write(self, text):
        self.page.call("Input.insertText", text=text)

    def button(self, text):
        self.click(self.evaluate(f"""(() => {{
            const b = [...document.querySelectorAll("button")].find(b => b.textContent === {json.dumps(text)});
            const place = b.getBoundingClientRect();
            return {{x: place.x, y: place.y, width: place.width, height: place.height}};
        }})()"""))

    def pixels(self, points):
        """The colours that are seen at the points."""
        png = self.page.call("Page.captureScreenshot", format="png")["data"]
        self.evaluate(f"""void (globalThis.picture = document.createElementNS("http://www.w3.org/1999/xhtml", "img"),
                                picture.src = "data:image/png;base64,{png}")""")
        self.page.wait_for("picture.complete && picture.width > 0")
        return list(map(tuple, self.evaluate(PIXELS.replace("POINTS", json.dumps(points)))))


@functools.lru_cache(maxsize=None)
def browser():
    """One for all tests: it takes a second to start."""
    page = Page("about:blank")
    unittest.addModuleCleanup(page.__exit__)
    return page.__enter__()


class SvgTest(TraceTest):
    def export(self, *arguments, name="flame.svg"):
        done = self.live_trace("export", "-f", "svg", "-o", self.path(name), *arguments, self.trace)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    @contextlib.contextmanager
    def window(self, name="flame.svg", address="", width=1000, height=500, dark=False, phone=False):
        if not CHROMIUM:
            self.skipTest("the flame graph in the browser: no chromium")
        open(self.path("favicon.ico"), "w", encoding="ascii").close()
        page = browser()
        with Server(self.folder) as server:
            page.call("Page.navigate", url="about:blank")
            page.errors.clear()
            page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
            page.call("Emulation.setTouchEmulationEnabled", enabled=phone)
            page.call("Emulation.setEmulatedMedia", features=[
                {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
            page.call("Page.navigate", url=f"{server.address}/{name}{address}")
            page.wait_for("document.readyState === 'complete' && location.pathname.length > 1")
            yield Window(page)
            self.assertEqual(page.errors, [])

    def shop(self, *arguments):
        """30 stack samples, 330 ms: 90 of them <module>, in which main has 40, tax 30, lambda 20."""
        self.make("shop")
        self.export(*arguments)


class Zoom(SvgTest):
    def test_click_and_out_again(self):
        self.shop()
        with self.window() as window:
            whole = window.labels()
            self.assertEqual(len(whole), 18)
            window.click(window.box("<module> (shop.py)"))
            self.assertEqual(window.labels(), ["all", "<module> (shop.py)", "lambda (<string>)", "main (shop.py)",
                                               "Cart.total (shop.py)"] + ["tax (shop.py)"] * 3)
            self.assertAlmostEqual(window.box("<module> (shop.py)")["width"], 975, delta=2)
            self.assertAlmostEqual(window.box("main (shop.py)")["width"], 976 * 4 / 9, delta=2)
            self.assertIn("above", window.box("all")["states"])
            window.click(window.box("Cart.total (shop.py)"))
            self.assertEqual(window.labels(), ["all", "<module> (shop.py)", "main (shop.py)", "Cart.total (shop.py)"])
            self.assertEqual({round(box["width"]) for box in window.boxes()}, {975})
            self.assertTrue(window.details().endswith("; 100.00% of the view"), window.details())
            window.evaluate("history.back()")
            window.page.wait_for(BOXES, lambda boxes: len(boxes) == 8)
            window.button("Reset zoom")
            self.assertEqual(window.labels(), whole)
            self.assertEqual(window.address(), "")
            window.click(window.box("Worker.run (worker.py)"))
            self.assertNotEqual(window.labels(), whole)
            window.click(window.box("all"))
            self.assertEqual(window.labels(), whole)
            window.click(window.box("Worker.run (worker.py)"))
            window.press("Escape")
            self.assertEqual(window.labels(), whole)

    def test_captions_say_more_when_there_is_room(self):
        self.shop()
        with self.window() as window:
            self.assertEqual(window.box("lambda (<string>)")["caption"], "lambda")
            window.click(window.box("lambda (<string>)"))
            self.assertEqual(window.box("lambda (<string>)")["caption"], "lambda (<string>)")
        with self.window(width=300) as window:
            self.assertEqual(window.box("lambda (<string>)")["caption"], "")
            for box in window.boxes():
                self.assertLessEqual(len(box["caption"]) * 7.2, max(box["width"], 0))

    def test_hover_says_all(self):
        self.shop()
        with self.window() as window:
            self.assertIn("Esc", window.details())
            window.hover(window.box("main (shop.py)"))
            self.assertEqual(window.details(), "main (shop.py)  40.0 ms, 12.12%; itself 0 s, 0.00%")


class Search(SvgTest):
    def test_matched_part(self):
        self.shop()
        with self.window() as window:
            window.press("/")
            window.write("tax|worker")
            # `tax` calls itself, `on_done` is called by Worker.run: they count once.
            hits = {box["label"] for box in window.boxes() if "match" in box["states"]}
            self.assertEqual(hits, {"tax (shop.py)", "Worker.run (worker.py)", "on_done (worker.py)"})
            weights = {}
            for line in self.live_trace("export", "-f", "folded", "--unit", "time", self.trace).stdout.splitlines():
                stack, weight = line.rsplit(" ", 1)
                weights[stack] = int(weight) / 1000
            found = sum(weight for stack, weight in weights.items() if re.search("tax|worker", stack, re.IGNORECASE))
            self.assertEqual(window.matched(), f"{100 * found / sum(weights.values()):.2f}% matched ({found:.1f} ms)")

    def test_case(self):
        self.shop()
        with self.window() as window:
            window.press("/")
            window.write("cart")
            self.assertTrue(window.matched().startswith("12.12%"))
            window.button("Aa")
            self.assertTrue(window.matched().startswith("0.00%"))
            self.assertIn("case=1", window.address())
            window.button("Clear")
            self.assertEqual(window.matched(), "")
            self.assertFalse([box for box in window.boxes() if "dim" in box["states"]])

    def test_not_an_expression(self):
        self.shop()
        with self.window() as window:
            window.press("/")
            window.write("tax(")
            self.assertEqual(window.matched(), "not a regular expression")
            window.write(")")
            self.assertTrue(window.matched().startswith("9.09%"))

    def test_in_a_part_of_the_graph(self):
        self.shop()
        with self.window() as window:
            window.click(window.box("<module> (shop.py)"))
            window.press("f", modifiers=2)
            window.write("tax")
            self.assertEqual(window.matched(), "9.09% matched (30.0 ms), 33.33% of the view")

    def test_from_match_to_match(self):
        self.shop()
        with self.window() as window:
            window.press("/")
            window.write("cart|loads")
            seen = []
            for key in ("Enter", "n", "n", "N"):
                window.press(key)
                seen.append(window.evaluate("document.activeElement.getAttribute('aria-label').split(' ')[0]"))
            self.assertEqual(seen, ["Cart.total", "loads", "Cart.total", "loads"])


class Address(SvgTest):
    def test_leads_back(self):
        self.shop()
        with self.window() as window:
            window.click(window.box("<module> (shop.py)"))
            window.press("/")
            window.write("tax|main &#%")
            window.button("Icicle")
            window.button("Dark")
            address, boxes, matched = window.address(), window.boxes(), window.matched()
        self.assertIn("zoom=", address)
        with self.window(address=address) as window:
            self.assertEqual(window.boxes(), boxes)
            self.assertEqual(window.matched(), matched)
            self.assertEqual(window.evaluate("document.querySelector('input').value"), "tax|main &#%")

    def test_nonsense(self):
        self.shop()
        for address in ("#zoom=x.y&icicle=&search=(", "#%%%", "#zoom=99.1", "#search=<script>alert(1)</script>"):
            with self.subTest(address), self.window(address=address) as window:
                self.assertEqual(len(window.boxes()), 18)
                self.assertEqual(window.evaluate("document.querySelectorAll('script').length"), 1)


class Keys(SvgTest):
    def focused(self, window):
        return window.evaluate("document.activeElement.querySelector('title').textContent.split('\\n')[0]")

    def test_walk(self):
        self.shop()
        with self.window() as window:
            window.press("Home")
            self.assertEqual(self.focused(window), "all")
            way = []
            for key in ("Up", "Right", "Left", "Right", "Left", "Left", "Left", "Left", "Left", "Up", "Up", "Up", "Down"):
                window.press(f"Arrow{key}")
                way.append(self.focused(window).split(" ")[0])
            self.assertEqual(way, ["_find_and_load", "_find_and_load", "Worker.run", "_find_and_load", "Worker.run",
                                   "Thread._bootstrap", "<unknown>", "<module>", "<module>", "main", "Cart.total", "Cart.total", "main"])
            self.assertIn("40.0 ms", window.details())
            window.press("Enter")
            self.assertEqual(window.labels()[-1], "Cart.total (shop.py)")
            window.press("i")
            self.assertEqual(window.evaluate("document.activeElement.getAttribute('role')"), "treeitem")
            window.press("ArrowDown")
            self.assertEqual(self.focused(window), "Cart.total (shop.py)")

    def test_tab_reaches_everything(self):
        self.shop()
        with self.window() as window:
            reached = []
            for _ in range(6):
                window.page.call("Input.dispatchKeyEvent", type="rawKeyDown", key="Tab", code="Tab",
                                 windowsVirtualKeyCode=9)
                reached.append(window.evaluate("document.activeElement.localName"))
            self.assertLessEqual({"g", "input", "button"}, set(reached))


class Look(SvgTest):
    def test_flame_and_icicle(self):
        for option, inner in (("0", "above"), ("1", "below")):
            self.shop("-O", f"icicle={option}")
            with self.window() as window:
                def is_below(window):
                    return window.box("main (shop.py)")["y"] > window.box("<module> (shop.py)")["y"]
                self.assertEqual(is_below(window), inner == "below")
                window.press("i")
                self.assertEqual(is_below(window), inner != "below")

    def test_contrast(self):
        """In every palette, light and dark, also of what matched and of the tools."""
        for dark in (False, True):
            for palette in PALETTES:
                self.shop("-O", f"palette={palette}")
                with self.subTest(palette, dark=dark), self.window(dark=dark, address="#search=tax") as window:
                    for box in window.boxes():
                        if box["caption"] and "dim" not in box["states"]:
                            self.assertGreaterEqual(contrast(rgb(box["fill"]), rgb(box["ink"])), 4.5, box)
                    texts = window.evaluate(TEXTS)
                    self.assertGreater(len(texts), 6)
                    for text in texts:
                        self.assertGreaterEqual(contrast(rgb(text["fill"]), rgb(text["ink"])), 4.5, text)

    def test_owners(self):
        self.shop("-O", "count-name=x", "--unit", "samples")
        with self.window() as window:
            color = {box["label"].split(" ")[0]: box["color"].split("-")[0] for box in window.boxes()}
            legend = window.evaluate("[...document.querySelectorAll('.legend span span')].map(e => e.textContent)")
        self.assertEqual(legend, ["your code", "libraries", "standard library", "other"])
        self.assertEqual(len({color[name] for name in ("main", "request", "loads", "<unknown>")}), 4)
        self.assertEqual({color[name] for name in ("main", "tax", "lambda", "Worker.run", "on_done")}, {color["main"]})

    def pixels_agree(self, window):
        boxes = window.boxes()
        # Left of the caption; and beside the highest stack there is nothing but paper.
        points = [(box["x"] + 2.5, box["y"] + box["height"] / 2) for box in boxes]
        top = min(box["y"] for box in boxes)
        *seen, beside, paper = window.pixels([*points, (990, top + 5), (995, boxes[0]["y"] + boxes[0]["height"] + 5)])
        for box, color in zip(boxes, seen):
            self.assertEqual(color, rgb(box["fill"]), box)
        self.assertEqual(beside, paper)
        self.assertNotIn(paper, seen)

    def test_pixels(self):
        """What is seen is what was drawn: light, dark, and without scripts as an image in a page."""
        self.shop()
        for dark in (False, True):
            with self.subTest(dark=dark), self.window(height=330, dark=dark) as window:
                self.pixels_agree(window)

    def test_still_picture(self):
        """As <img> nothing runs; the picture is the one that its numbers say."""
        self.shop("-O", "width=800")
        root = ElementTree.parse(self.path("flame.svg")).getroot()
        frames = root.find(f"{SVG}svg")
        left, top, width = (float(frames.get(key)) for key in ("x", "y", "width"))
        with open(self.path("page.html"), "w", encoding="utf-8") as out:
            out.write("<!doctype html><body style='margin:0'><img src='flame.svg'>")
        light = root.find(f"{SVG}style").text.split("@media (prefers-color-scheme")[0]
        colors = dict(re.findall(r"\.(c\d+-\d) rect\{fill:#(\w+)\}", light))
        points, expected = [], []
        for box in frames.findall(f"{SVG}g[@class]"):
            color, rect = colors.get(box.get("class")), box.find(f"{SVG}rect")
            x = left + float(rect.get("x").rstrip("%")) * width / 100 + 2.5
            y = top + float(rect.get("y")) + 9
            if color:
                points.append((x, y))
                expected.append(tuple(bytes.fromhex(color)))
        self.assertEqual(len(points), 17)
        with self.window("page.html", width=800, height=240) as window:
            window.page.wait_for("document.images[0].complete && document.images[0].naturalWidth")
            self.assertEqual(window.pixels(points), expected)

    def test_phone(self):
        self.shop()
        with self.window(width=360, height=640, phone=True) as window:
            self.assertEqual(window.evaluate("[innerWidth, document.documentElement.scrollWidth]"), [360, 360])
            self.assertGreaterEqual(window.box("all")["height"], 24)
            self.assertGreaterEqual(window.evaluate("parseFloat(getComputedStyle(document.querySelector('input')).fontSize)"), 16)
            window.tap(window.box("<module> (shop.py)"))
            window.page.wait_for(BOXES, lambda boxes: len(boxes) == 8)
            self.assertIn("<module>", window.details())

    def test_tall(self):
        """Of a flame graph that is higher than the window the foot is seen first, with the tools and the details."""
        self.make_script("set A cpu,gil " + " ".join(f"f{i}@/p/a.py:{i + 1}/1" for i in range(300)))
        self.export()
        with self.window() as window:
            self.assertLess(window.box("all")["y"], 500)
            edges = """[document.querySelector('.tools').getBoundingClientRect().top,
                        document.querySelector('.details').getBoundingClientRect().bottom].map(Math.round)"""
            window.page.wait_for(edges, lambda places: places == [0, 500])
            window.evaluate("scrollTo(0, 1000)")
            window.page.wait_for(edges, lambda places: places == [0, 500])

    def make_script(self, *lines):
        script = self.script("\n".join(["cwd /p", 'process P pid=1 command="python3 a.py" cwd=/p',
                                        "thread A process=P tid=1 name=MainThread", *lines, "tick 3"]), "trace.txt")
        self.assertEqual(os.spawnlp(os.P_WAIT, MAKE_TRACE, MAKE_TRACE, script, self.trace), 0)


class Harmless(SvgTest):
    def check_document(self):
        """XML without entities of its own, one script, and nothing that is fetched."""
        with open(self.path("flame.svg"), encoding="utf-8") as file:
            text = file.read()
        root = ElementTree.fromstring(text)
        self.assertEqual(len(root.findall(f".//{SVG}script")), 1)
        self.assertEqual(text.count("]]>"), 2)
        self.assertEqual(set(re.findall(r"https?://[^\s\"'<]+", text)),
                         {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"})
        self.assertNotRegex(text, r"@import|url\(|xlink|href=|<!ENTITY|<!DOCTYPE")
        return root

    def test_hostile_names(self):
        self.make("hostile")
        self.export("-O", "title=</title><script>alert(1)</script>", "-O", "notes=]]><script>alert(1)</script>")
        root = self.check_document()
        self.assertEqual(root.find(f"{SVG}title").text, "</title><script>alert(1)</script>")
        with self.window() as window:
            self.assertIn("</script><script>alert(1)</script> (<!--.py)", window.labels())
            window.click(window.box("</script><script>alert(1)</script> (<!--.py)"))
            window.press("/")
            window.write("script")
            self.assertEqual(window.evaluate("document.querySelectorAll('script').length"), 1)
            self.assertEqual(window.evaluate("document.querySelectorAll('b, iframe, img').length"), 0)

    def test_long_and_foreign_names(self):
        """A megabyte, right-to-left, wide characters, what XML has no place for."""
        names = ["n" * 1000000, "\u05e9\u05dc\u05d5\u05dd\u202e" * 20, "\u6d4b\u8bd5" * 30, "x\ufffe\uffff\x00\x08y", "e\u0301" * 50]
        code = "import time\n"
        for number, name in enumerate(names):
            code += f"def f{number}(g):\n    g()\nf{number}.__code__ = f{number}.__code__.replace(co_name={name!r})\n"
            code += f"if hasattr(f{number}.__code__, 'co_qualname'):\n"
            code += f"    f{number}.__code__ = f{number}.__code__.replace(co_qualname={name!r})\n"
        code += "for f in (f0, f1, f2, f3, f4):\n    f(lambda: time.sleep(0.05))\n"
        self.record(self.script(code))
        self.export()
        self.check_document()
        self.assertLess(os.path.getsize(self.path("flame.svg")), 200000)
        with self.window() as window:
            labels = [label for label in window.labels() if "script.py" in label or label.startswith("nnn")]
            self.assertGreaterEqual(len(labels), len(names))
            for label in window.labels():
                self.assertLessEqual(len(label), 1001)
            for box in window.boxes():
                self.assertLess(len(box["caption"]) * 3, max(box["width"], 1))

    def test_nothing_but_itself(self):
        self.shop()
        self.check_document()

    def test_in_a_sandbox(self):
        """Where there is no address to keep anything in, it works all the same."""
        self.shop()
        with open(self.path("page.html"), "w", encoding="utf-8") as out:
            out.write("<!doctype html><iframe sandbox='allow-scripts' src='flame.svg' width=900 height=400></iframe>")
        with self.window("page.html") as window:
            window.click({"x": 100, "y": 200, "width": 1, "height": 1})

    def test_empty_selection(self):
        self.make("shop")
        self.export("--thread", "nobody")
        self.check_document()
        with self.window() as window:
            self.assertEqual(window.labels(), ["all"])
            for key in ("ArrowUp", "Enter", "i", "Escape", "n"):
                window.press(key)


class Chart(SvgTest):
    def test_order_of_time(self):
        """main, tax and lambda ran in this order; what is later stands further right."""
        self.make("shop")
        done = self.live_trace("export", "-o", self.path("shop.flamechart.svg"), self.trace)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with self.window("shop.flamechart.svg") as window:
            places = [window.box(label)["x"] for label in ("main (shop.py)", "tax (shop.py)", "lambda (<string>)")]
            self.assertEqual(places, sorted(places))
            window.click(window.box("<module> (shop.py)"))
            self.assertEqual(window.labels(), ["all", "<module> (shop.py)", "main (shop.py)", "Cart.total (shop.py)"] +
                             ["tax (shop.py)"] * 3 + ["lambda (<string>)"])


class Deep(SvgTest):
    def test_middle_is_left_out(self):
        self.record(self.script("""
            import sys, time
            sys.setrecursionlimit(10000)
            def down(n):
                if n: return down(n - 1)
                bottom()
            def bottom():
                time.sleep(0.2)
            down(3000)
        """))
        done = self.export("-O", "script=0")
        self.assertRegex(done.stderr, r"\d+ stacks are deeper than the 2000 rows")
        root = ElementTree.parse(self.path("flame.svg")).getroot()
        labels = [title.text.split("\n")[0] for title in root.findall(f".//{SVG}g/{SVG}title")]
        self.assertIn("bottom (script.py)", labels)
        self.assertIn("... frames left out ...", labels)
        self.assertLessEqual(max(int(g.get("data-b").split()[0]) for g in root.iter(f"{SVG}g") if g.get("data-b")), 2000)


if __name__ == "__main__":
    unittest.main()
