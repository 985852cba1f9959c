#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The html page in headless Chromium: what it shows is what jsonl says, under every filter; clicks, keys, search, a screenshot."""

import collections
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import unittest

from lt_e2e import HERE, LIVE_TRACE, MAKE_TRACE, TraceTest, read

sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
from headless import CHROMIUM, Page  # noqa: E402 (after the path)
from png_pixels import Pixels  # noqa: E402
from read_page import read_page  # noqa: E402

READY = "typeof page !== 'undefined' && page !== null && page.sums !== undefined"
# The columns of the table of functions as the page shows them.
ROWS = """[...document.querySelectorAll("#view .row")].map((row) => [".col-name b", ".col-self", ".col-total"].map(
    (part) => row.querySelector(part).firstChild.textContent))"""
AMOUNT = 'document.querySelector(".amount").textContent'


def percent(part, whole):
    share = part / whole * 100
    return f"{share:.0f}%" if share >= 99.95 else f"{share:.1f}%"


def functions(samples):
    """{name: [self, total]} in seconds, and the sum of all."""
    sums, all_time = collections.defaultdict(lambda: [0, 0]), 0
    for sample in samples:
        names = [frame["name"] for frame in sample["stack"]]
        sums[names[-1]][0] += sample["weight"]
        for name in set(names):
            sums[name][1] += sample["weight"]
        all_time += sample["weight"]
    return sums, all_time


def shares(samples):
    """{name: (self, total)} as the page writes them."""
    sums, all_time = functions(samples)
    return {name: (percent(own, all_time), percent(total, all_time)) for name, (own, total) in sums.items()}


class PageTest(TraceTest):
    """One browser for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        if not CHROMIUM:
            raise unittest.SkipTest("that the html page works: no chromium")
        cls.browser = Page("about:blank")
        cls.browser.__enter__()
        cls.addClassCleanup(cls.browser.__exit__)

    def open(self, *selection, address=""):
        """The page of self.trace in a browser, ready."""
        self.page_file = self.path("page.html")
        done = self.live_trace("export", "-o", self.page_file, *selection, self.trace)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.browser.errors.clear()
        self.browser.call("Page.navigate", url=f"file://{self.page_file}{address}")
        self.browser.wait_for(f"{READY} && location.href.startsWith('file://{self.page_file}')")
        return self.browser

    def go(self, page, view):
        """Clicks the tab, again if it was still moving under the pointer."""
        for _ in range(10):
            page.evaluate(f"byId('tab-{view}').scrollIntoView({{inline: 'nearest'}})")
            page.click(*page.middle(f"#tab-{view}"))
            with contextlib.suppress(TimeoutError):
                page.wait_for(f"page.state.view === {json.dumps(view)} && !page.due", patience=2)
                return
        self.fail(f"the tab {view} does not open: {page.errors}")

    def settle(self, page):
        page.wait_for("!page.due")

    def table(self, page):
        return {name: (own, total) for name, own, total in page.evaluate(ROWS)}

    def press_button(self, page, text):
        """Clicks the button that says so, with the mouse."""
        place = page.evaluate(f"""(() => {{ const b = [...document.querySelectorAll("button")].find(
            (button) => button.textContent.includes({json.dumps(text)}) && button.offsetParent);
            b.scrollIntoView({{block: "nearest", inline: "nearest"}});
            const r = b.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()""")
        page.click(*place)
        self.settle(page)

    def box(self, page, name):
        """Where a function's widest box in the flame graph is: (left, top, width)."""
        return page.evaluate(f"""(() => {{
            const flame = page.flame, rect = flame.canvas.getBoundingClientRect();
            const places = flame.rows.flat().filter((p) => p.box.key >= 0 && p.box.item.name === {json.dumps(name)});
            places.sort((a, b) => b.width - a.width);
            return [rect.x + places[0].x, rect.y + flame.top(places[0].box.level), places[0].width]; }})()""")


class Shown(PageTest):
    """Figures of the page against those of jsonl."""

    def setUp(self):
        super().setUp()
        self.make("shop")

    def test_table_under_filters(self):
        page = self.open(address="#view=table")
        self.assertEqual(page.evaluate("document.title"), "out.ltrace - live-trace")
        self.assertEqual(self.table(page), shares(read(self.trace)[1]))
        for label, selection in (("On CPU", ["--mode", "cpu"]), ("Has GIL", ["--mode", "gil"]), ("All", [])):
            self.press_button(page, label)
            self.assertEqual(self.table(page), shares(read(self.trace, *selection)[1]), label)
        self.go(page, "threads")
        self.press_button(page, "worker")
        self.go(page, "table")
        self.assertEqual(self.table(page), shares(read(self.trace, "--thread", "worker")[1]))
        self.press_button(page, "worker ✕")
        self.go(page, "tags")
        self.press_button(page, "/cart")
        self.go(page, "table")
        self.assertEqual(self.table(page), shares(read(self.trace, "--tag", "route=/cart")[1]))
        page.press("Escape")
        self.settle(page)
        self.assertEqual(self.table(page), shares(read(self.trace)[1]))
        self.assertEqual(page.errors, [])

    def test_time_selection(self):
        page = self.open(address="#view=table")
        left, top, width = page.evaluate("(() => { const r = byId('timeline').getBoundingClientRect(); return [r.x, r.y + 20, r.width]; })()")
        slots = page.evaluate("page.profile.slots")
        page.drag(left + width * 4.2 / slots, top, left + width * 6.8 / slots, top)
        self.settle(page)
        wanted = read(self.trace, "--from", "0.04", "--to", "0.07")[1]
        self.assertEqual(self.table(page), shares(wanted))
        self.assertIn(f"{sum(s.get('count', 1) for s in wanted)} stack samples", page.evaluate(AMOUNT))
        # The address says it, and a reload keeps it.
        page.call("Page.reload")
        page.wait_for(f"{READY} && page.filter.hasTime")
        self.assertEqual(self.table(page), shares(wanted))
        self.press_button(page, "✕")
        self.assertEqual(self.table(page), shares(read(self.trace)[1]))

    def test_sorting_and_search_in_table(self):
        page = self.open(address="#view=table")
        totals = functions(read(self.trace)[1])[0]
        page.click(*page.middle(".col-total"))
        self.settle(page)
        names = [row[0] for row in page.evaluate(ROWS)]
        self.assertEqual([totals[name][1] for name in names], sorted((t for _, t in totals.values()), reverse=True))
        page.click(*page.middle(".col-name"))
        self.settle(page)
        self.assertEqual([row[0] for row in page.evaluate(ROWS)], sorted(names))
        page.press("/", *"cart|decod")
        self.settle(page)
        self.assertEqual([row[0] for row in page.evaluate(ROWS)], ["Cart.total", "JSONDecoder.raw_decode"])
        page.press("Escape")
        self.settle(page)
        self.assertEqual(len(page.evaluate(ROWS)), len(names))

    def test_click_zooms_and_search_marks(self):
        page = self.open()
        samples = read(self.trace)[1]
        sums, all_time = functions(samples)
        left, top, width = self.box(page, "main")
        page.click(left + width / 2, top + 8)
        self.assertEqual(self.box(page, "main")[2], page.evaluate("page.flame.width"))
        self.assertEqual(self.box(page, "Cart.total")[2], page.evaluate("page.flame.width"))
        self.assertIn(f"total 40 ms ({percent(sums['main'][1], all_time)})", page.evaluate("byId('details').textContent"))
        page.evaluate("page.flame.canvas.focus()")
        page.press("Home")
        self.assertAlmostEqual(self.box(page, "main")[2], width, delta=0.01)
        page.press("/", *"^tax$")
        self.settle(page)
        self.assertEqual(page.evaluate("byId('matched').textContent"), f"{percent(sums['tax'][1], all_time)} matched")
        self.check_pixels(page, samples, all_time)
        self.assertEqual(page.errors, [])

    def check_pixels(self, page, samples, all_time):
        """In the picture, the row of a function's box has it there, as wide as its share, in the colour of what was found."""
        found = page.evaluate("""(() => { const c = document.createElement("canvas").getContext("2d"); c.fillStyle = theme.color("found");
            c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data].slice(0, 3); })()""")
        left, top, width = self.box(page, "tax")
        pixels = Pixels(page.screenshot())
        runs = [run for run in pixels.runs(int(top) + 1, int(left) - 20, int(left + width) + 20, least=1) if list(run[2]) == found]
        drawn = sum(end - begin for begin, end, _ in runs)
        share = sum(s["weight"] for s in samples if s["stack"][1:2] and s["stack"][1]["name"] == "tax") / all_time
        self.assertAlmostEqual(drawn, share * page.evaluate("page.flame.width"), delta=3)
        self.assertAlmostEqual(runs[0][0], left, delta=2)

    def test_keyboard(self):
        page = self.open()
        page.evaluate("page.flame.canvas.focus()")
        # Beside each other, by what they weigh: the worker's two, the module, an import.
        page.press("ArrowUp", *["ArrowRight"] * page.evaluate("page.flame.graph.root.children.findIndex((b) => b.item.name === '<module>')"))
        self.assertEqual(page.evaluate("page.chosen.tree.items[page.chosen.key].name"), "<module>")
        page.press("ArrowUp", "ArrowRight", "ArrowLeft", "Enter")
        self.assertEqual(page.evaluate("[page.flame.zoomed === page.flame.chosen, page.flame.zoomed.parent.item.name]"), [True, "<module>"])
        page.press("Backspace", "Backspace")
        self.assertEqual(page.evaluate("page.flame.zoomed.level"), 0)
        for number, view in enumerate(["flame", "table", "sandwich", "source", "threads", "tags", "recording"], 1):
            page.press(str(number))
            page.wait_for(f"page.state.view === '{view}' && !page.due && document.querySelector('[aria-selected=true]').id === 'tab-{view}'")
        page.press("?")
        page.wait_for("byId('keys').open")
        self.press_button(page, "Close")
        page.press("1", "i", "r")
        page.wait_for("page.state.shape === 'icicle' && page.state.reverse && !page.due")
        # Reversed, the boxes next to the root are where stacks end.
        sums = functions(read(self.trace)[1])[0]
        self.assertEqual(set(page.evaluate("page.flame.graph.root.children.map((box) => box.item.name)")),
                         {name for name, (own, _) in sums.items() if own})
        self.assertEqual(page.errors, [])

    def test_callers_and_callees(self):
        page = self.open()
        left, top, width = self.box(page, "tax")
        for count in (1, 2):
            page.mouse("mousePressed", left + width / 2, top + 8, count)
            page.mouse("mouseReleased", left + width / 2, top + 8, count)
        page.wait_for("page.state.view === 'sandwich' && !page.due")
        boxes = "(graph) => graph.root.children.map((box) => [box.item.name, +box.total.toFixed(6)])"
        self.assertEqual(page.evaluate(f"({boxes})(page.callers.graph)"), [["<module>", 0.03]])
        # Recursion counts once; the inner one is a callee.
        self.assertEqual(page.evaluate("+page.callees.graph.root.total.toFixed(6)"), 0.03)
        self.assertEqual(page.evaluate(f"({boxes})(page.callees.graph)"), [["tax", 0.03]])
        self.assertEqual(page.evaluate("document.querySelector('.panes h2').firstChild.textContent"), "tax")

    def test_source_lines(self):
        page = self.open(address="#view=source&mode=cpu")
        report = json.loads(self.live_trace("analyze", "--json", "--sum-all-frames", "--unit", "time", "-m", "1000", "--mode", "cpu", self.trace).stdout)
        everything = functions(read(self.trace, "--mode", "cpu")[1])[1]
        wanted = {(row["line"], row["source"], percent(row["seconds"], everything)) for row in report["rows"] if row["file"] == "shop.py"}
        shown = page.evaluate("""[...document.querySelectorAll(".line:not(.legend)")].map((line) => [
            Number(line.children[2].textContent), line.children[3].textContent, line.children[1].textContent])""")
        self.assertTrue(all(text.endswith("<====") for _, text, _ in shown))
        self.assertEqual({(line, text[:-5].replace("(text unknown)", ""), share) for line, text, share in shown}, wanted)
        # The hottest line has the strongest colour.
        heat = page.evaluate("""[...document.querySelectorAll(".line:not(.legend)")].map((line) =>
            [Number(line.style.getPropertyValue("--heat")), parseFloat(line.children[0].textContent) || 0])""")
        self.assertEqual(max(heat)[1], max(own for _, own in heat))

    def test_health(self):
        page = self.open(address="#view=recording")
        text = page.evaluate("byId('view').innerText")
        for words in ("asked\t36", "taken\t30", "late\t3", "retried\t4", "2 torn, 1 memory", "python3 /srv/shop/shop.py --fast"):
            self.assertIn(words.replace("\t", "\n"), text.replace("\t", "\n"))


class EverywhereReadable(PageTest):
    def test_phone_dark_and_light(self):
        """No view is wider than the screen, and the two themes differ."""
        self.make("shop")
        page = self.open()
        page.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
        backs = set()
        for scheme in ("dark", "light"):
            page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            for view in page.evaluate("page.views"):
                self.go(page, view)
                page.wait_for("Math.max(document.documentElement.scrollWidth, byId('view').scrollWidth)", lambda width: width <= 360)
            backs.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        self.assertEqual(len(backs), 2)
        self.go(page, "flame")
        left, top, width = self.box(page, "main")
        page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": left + width / 2, "y": top + 8}])
        page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        page.wait_for("byId('details').textContent.includes('main')")
        self.assertEqual(page.errors, [])


class Hostile(PageTest):
    def check_harmless(self, page):
        for view in page.evaluate("page.views"):
            self.go(page, view)
            page.evaluate("[...document.querySelectorAll('.row, .files button')].forEach((row) => row.click())")
            self.settle(page)
        self.assertEqual(page.evaluate("""[document.scripts.length, document.querySelectorAll("img, iframe, object, embed, link, svg").length,
            performance.getEntriesByType("resource").length]"""), [2, 0, 0])
        self.assertEqual(page.errors, [])

    def test_golden(self):
        self.make("hostile")
        page = self.open(address="#view=table")
        names = [row[0] for row in page.evaluate(ROWS)]
        self.assertIn("</script><script>alert(1)</script>", names)
        self.assertIn("new\\u000aline", names)
        self.check_harmless(page)
        with open(self.page_file, encoding="utf-8") as file:
            self.assertNotIn("alert(1)", file.read())

    def test_names_without_bounds(self):
        """1 MB long, right to left, and what HTML, URLs and JSON would take for their own."""
        names = ["x" * 1_000_000, "\u05d0" * 300_000, "\u202egnp.exe", "</title></style></textarea><img src=x onerror=alert(1)>", "__proto__",
                 "constructor", "javascript:alert(1)", "'\"><svg onload=alert(1)>", "{{script}}", "%00%0a", "-->", "]]>"]
        with open(self.path("names.txt"), "w", encoding="utf-8") as out:
            out.write('command "</title><script>alert(1)</script>"\nprocess P pid=1 command="<b>"\n')
            for number, name in enumerate(names):
                text = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
                out.write(f'thread T{number} process=P tid={number + 1} name="{text[:1000]}"\n')
                out.write(f'set T{number} cpu "tag:{text[:200].replace("=", "_")}={text[:200]}" "{text}@/srv/{text[:2000]}:1/1"\n')
            out.write("tick 5\n")
        subprocess.run([MAKE_TRACE, self.path("names.txt"), self.trace], check=True)
        page = self.open(address="#view=table")
        self.assertEqual(len(page.evaluate(ROWS)), len(names))
        self.check_harmless(page)
        self.assertLess(os.path.getsize(self.page_file), 300_000)


class Sizes(TraceTest):
    """What is too much for the page gets coarser, and nothing gets lost."""

    def many_stacks(self, ticks):
        rng = random.Random(7)
        with open(self.path("many.txt"), "w", encoding="utf-8") as out:
            out.write("process P pid=1\n" + "".join(f"thread T{t} process=P tid={t + 1}\n" for t in range(4)))
            for tick in range(ticks):
                frames = " ".join(f"f{rng.randrange(40)}@/srv/m{rng.randrange(9)}.py:{rng.randrange(50)}" for _ in range(12))
                out.write(f"set T{tick % 4} cpu main@/srv/main.py:1 {frames}\ntick 2\n")
        subprocess.run([MAKE_TRACE, self.path("many.txt"), self.trace], check=True)

    def exported(self, *options):
        done = subprocess.run([LIVE_TRACE, "export", "-f", "html", *options, self.trace], stdout=subprocess.PIPE, check=True, text=True)
        return read_page(done.stdout), len(done.stdout)

    def test_budget(self):
        self.many_stacks(2000)
        full, size = self.exported()
        self.assertEqual(full["about"]["rarest"], 0)
        all_time = sum(s["weight"] for s in read(self.trace)[1])
        for budget in (size * 9 // 10, 100_000):
            page, size = self.exported("-O", f"max-bytes={budget}")
            self.assertLessEqual(size, budget)
            self.assertGreater(page["about"]["slot"], full["about"]["slot"])
            self.assertAlmostEqual(sum(cell[4] for cell in page["cells"]) / 1e6, all_time, places=5)
        self.assertGreater(page["about"]["rarest"], 0)
        # What cannot be done is done as far as possible, and said.
        done = self.live_trace("export", "-f", "html", "-O", "max-bytes=20000", self.trace)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"\Alive-trace: the page is larger than --option max-bytes=20000, it needs \d+ bytes [^\n]*\n\Z")
        needed = re.search(r"needs (\d+)", done.stderr).group(1)
        self.assertEqual(self.live_trace("export", "-f", "html", "-O", f"max-bytes={needed}", self.trace).stderr, "")
        self.assertIn("(rare calls)", {page["frames"][stack[-1]]["name"] for stack in page["stacks"][1:]})

    def test_slots_and_cells_are_bounded(self):
        """A long recording has no more time slots than a short one, and the same sums."""
        with open(self.path("long.txt"), "w", encoding="utf-8") as out:
            out.write("interval 1s\nprocess P pid=1\nthread T process=P tid=1\n")
            for part in range(100):
                out.write(f"set T cpu main@/srv/main.py:{part % 7 + 1}\ntick 100\n")
        subprocess.run([MAKE_TRACE, self.path("long.txt"), self.trace], check=True)
        page, _ = self.exported()
        self.assertLessEqual(page["about"]["slots"], 2048)
        self.assertGreater(page["about"]["slots"], 1000)
        self.assertEqual(sum(cell[4] for cell in page["cells"]), 10_000 * 1_000_000)

    def test_many_tags(self):
        """Tags without end, as ids of requests are, become few; the samples stay."""
        with open(self.path("tags.txt"), "w", encoding="utf-8") as out:
            out.write("process P pid=1\nthread T process=P tid=1\n")
            for request in range(6000):
                out.write(f"set T cpu tag:request={request} main@/srv/main.py:1\ntick\n")
        subprocess.run([MAKE_TRACE, self.path("tags.txt"), self.trace], check=True)
        page, _ = self.exported()
        self.assertEqual(len(page["about"]["contexts"]), 4097)
        self.assertEqual(page["about"]["crowded_out"], 6000 - 4096)
        self.assertEqual(sum(cell[3] for cell in page["cells"]), 6000)


if __name__ == "__main__":
    unittest.main()
