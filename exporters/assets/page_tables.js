/* SPDX-License-Identifier: Apache-2.0
 *
 * The views that are not graphs: functions, source lines, threads, tags, the recording itself. */
"use strict";

const TABLE_ROW = 26; /* pixels, as in the style */

/* Rows of which only those in sight are elements: there can be a hundred thousand. */
class FunctionTable {
  /* hooks: choose(key), open(key), unit(value) */
  constructor(hooks) {
    this.hooks = hooks;
    this.sort = "self";
    this.down = true;
    this.rows = [];
    this.heads = ["self", "total", "name"].map((column) => make("button", {
      type: "button", className: `col-${column}`, onclick: () => this.sortBy(column),
    }));
    this.body = make("div", {className: "rows", tabIndex: 0, role: "rowgroup"});
    this.window = make("div", {className: "window"});
    this.body.append(this.window);
    this.body.addEventListener("scroll", () => this.fill());
    this.body.addEventListener("keydown", (e) => this.key(e));
    this.element = make("div", {className: "table", role: "table", "aria-label": "Functions by self and total"},
      make("div", {className: "head"}, ...this.heads), this.body);
    new ResizeObserver(() => this.fill()).observe(this.body);
  }

  sortBy(column) {
    this.down = this.sort === column ? !this.down : column !== "name";
    this.sort = column;
    this.show(this.tree, this.sums, this.test, this.chosen);
  }

  show(tree, sums, test, chosen) {
    Object.assign(this, {tree, sums, test, chosen});
    const {items} = tree, of = this.sort === "total" ? sums.keyTotal : sums.keySelf, sign = this.down ? -1 : 1;
    this.rows = items.map((_, key) => key).filter((key) => sums.keyTotal[key] > 0 && (!test || itemMatches(items[key], test)));
    if (this.sort === "name") this.rows.sort((a, b) => sign * (items[a].name < items[b].name ? -1 : items[a].name > items[b].name ? 1 : a - b));
    else this.rows.sort((a, b) => sign * (of[a] - of[b]) || sums.keyTotal[b] - sums.keyTotal[a] || a - b);
    ["Self", "Total", GROUPS[tree.group].label].forEach((text, i) => {
      const active = this.sort === ["self", "total", "name"][i];
      this.heads[i].textContent = text + (active ? (this.down ? " ▾" : " ▴") : "");
      this.heads[i].setAttribute("aria-pressed", active);
    });
    this.window.style.height = `${this.rows.length * TABLE_ROW}px`;
    this.fill();
  }

  fill() {
    if (!this.sums) return;
    const first = Math.max(0, Math.floor(this.body.scrollTop / TABLE_ROW) - 5);
    const last = Math.min(this.rows.length, first + Math.ceil(this.body.clientHeight / TABLE_ROW) + 10);
    this.window.replaceChildren(...this.rows.slice(first, last).map((key, i) => this.row(key, first + i)));
    if (!this.rows.length) this.window.append(make("p", {className: "empty"}, "Nothing here under these filters."));
  }

  row(key, number) {
    const item = this.tree.items[key], {all, keySelf, keyTotal} = this.sums, unit = this.hooks.unit;
    const row = make("div", {
      className: `row${key === this.chosen ? " chosen" : ""}`, role: "row",
      onclick: () => this.hooks.choose(key), ondblclick: () => this.hooks.open(key),
    },
    bar(keySelf[key], all, unit(keySelf[key]), "col-self"),
    bar(keyTotal[key], all, unit(keyTotal[key]), "col-total"),
    make("span", {className: "col-name", title: brief(`${item.name}  ${place(item)}`)},
      make("i", {className: `dot ${owner(item.flags)}`, title: OWNER_NAMES[owner(item.flags)]}),
      make("b", {}, brief(item.name)), " ", make("small", {}, brief(place(item)))));
    row.style.top = `${number * TABLE_ROW}px`;
    return row;
  }

  key(event) {
    const at = this.rows.indexOf(this.chosen), by = {ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20}[event.key];
    if (event.key === "Enter" && at >= 0) this.hooks.open(this.chosen);
    if (!by || !this.rows.length) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(this.rows.length - 1, at + by));
    this.hooks.choose(this.rows[next]);
    const top = next * TABLE_ROW;
    if (top < this.body.scrollTop) this.body.scrollTop = top;
    else if (top + TABLE_ROW > this.body.scrollTop + this.body.clientHeight) this.body.scrollTop = top + TABLE_ROW - this.body.clientHeight;
  }
}

/* Files on one side, the sampled lines of one of them on the other. */
class SourceView {
  /* hooks: unit(value) */
  constructor(hooks) {
    this.hooks = hooks;
    this.file = null;
    this.files = make("div", {className: "files", role: "listbox", "aria-label": "Files"});
    this.lines = make("div", {className: "lines"});
    this.element = make("div", {className: "source"}, this.files, this.lines);
  }

  show(files, fileSums, lines, lineSums, test) {
    Object.assign(this, {tree: lines, sums: lineSums, test});
    const {items} = files;
    const keys = items.map((_, key) => key).filter((key) => fileSums.keyTotal[key] > 0 && items[key].name.length > 0);
    keys.sort((a, b) => ((items[b].flags & FLAG.MINE) - (items[a].flags & FLAG.MINE)) || fileSums.keySelf[b] - fileSums.keySelf[a]);
    if (!keys.some((key) => items[key].name === this.file)) this.file = keys.length ? items[keys[0]].name : null;
    refill(this.files, ...keys.slice(0, 500).map((key) => make("button", {
      type: "button", role: "option", "aria-selected": items[key].name === this.file,
      title: brief(items[key].name), onclick: () => { this.file = items[key].name; this.show(files, fileSums, lines, lineSums, test); },
    }, make("i", {className: `dot ${owner(items[key].flags)}`}), make("span", {className: "path"}, brief(items[key].name)),
    make("small", {}, showPercent(fileSums.keySelf[key], fileSums.all)))));
    this.showLines();
  }

  showLines() {
    const {items} = this.tree, {keySelf, keyTotal, all} = this.sums;
    const keys = items.map((_, key) => key)
      .filter((key) => items[key].file === this.file && items[key].line > 0 && keyTotal[key] > 0)
      .sort((a, b) => items[a].line - items[b].line);
    const hottest = keys.reduce((most, key) => Math.max(most, keySelf[key]), 0);
    const rows = keys.slice(0, 5000).flatMap((key, i) => {
      const gap = i && items[key].line > items[keys[i - 1]].line + 1 ? [make("div", {className: "gap"}, "⋯")] : [];
      return [...gap, this.line(items[key], keySelf[key], keyTotal[key], all, hottest)];
    });
    this.lines.replaceChildren(
      make("h2", {}, brief(this.file || "No source lines here")),
      make("div", {className: "line legend"}, make("span", {}, "self"), make("span", {}, "total"), make("span", {}, "line"),
        make("span", {}, "text as it was when recorded; lines that were never seen are left out")),
      ...rows);
    const hot = this.lines.querySelector(".hottest"), where = hot && `${this.file}:${hot.querySelector(".number").textContent}`;
    if (hot && where !== this.where) hot.scrollIntoView({block: "center"});
    this.where = where;
  }

  line(item, self, total, all, hottest) {
    const mine = item.flags & FLAG.MINE, found = this.test && itemMatches(item, this.test);
    const row = make("div", {className: `line${hottest && self === hottest ? " hottest" : ""}${found ? " found" : ""}`},
      make("span", {title: this.hooks.unit(self)}, self ? showPercent(self, all) : ""),
      make("span", {title: this.hooks.unit(total)}, showPercent(total, all)),
      make("span", {className: "number"}, String(item.line)),
      make("code", {title: brief(item.name)}, brief(item.source, 1000) || "(text unknown)",
        mine ? make("b", {className: "mark"}, "<====") : null));
    row.style.setProperty("--heat", String(hottest > 0 ? Math.round(Math.sqrt(self / hottest) * 62) : 0));
    return row;
  }
}

/* Processes with their threads; each with a little timeline. A click shows only that thread. */
class ThreadsView {
  /* hooks: toggle(threads), unit(value) */
  constructor(hooks) {
    this.hooks = hooks;
    this.element = make("div", {className: "threads"});
  }

  show(profile, filter) {
    const {threads, contexts, cells} = profile, allowed = filter.contexts("threads");
    const totals = new Float64Array(threads.length), busy = new Float64Array(threads.length);
    for (let i = 0; i < cells.n; i++) {
      const c = contexts[cells.context[i]];
      if (!allowed[cells.context[i]] || cells.slot[i] < filter.from || cells.slot[i] >= filter.to) continue;
      totals[c.thread] += cells.value[i];
      if (c.state & STATE.CPU) busy[c.thread] += cells.value[i];
    }
    const processes = new Map();
    threads.forEach((t, i) => {
      if (!totals[i]) return;
      const name = `${t.process} (${t.pid})`;
      processes.set(name, [...(processes.get(name) || []), i]);
    });
    const all = totals.reduce((sum, value) => sum + value, 0);
    refill(this.element, ...[...processes].flatMap(([name, members]) => [
      ...(processes.size > 1 ? [this.row(profile, filter, members, name, totals, busy, all, "process")] : []),
      ...members.sort((a, b) => busy[b] - busy[a] || totals[b] - totals[a]).slice(0, 200).map((i) =>
        this.row(profile, filter, [i], threads[i].tid ? `${threads[i].name} (${threads[i].tid})` : threads[i].name, totals, busy, all, "")),
    ]));
    if (!processes.size) this.element.append(make("p", {className: "empty"}, "Nothing here under these filters."));
  }

  row(profile, filter, members, name, totals, busy, all, kind) {
    const sum = (of) => members.reduce((s, i) => s + of[i], 0), chosen = members.every((i) => filter.threads.has(i));
    const canvas = make("canvas", {className: "lane"});
    const row = make("button", {
      type: "button", className: `thread ${kind}`, "aria-pressed": String(chosen), onclick: () => this.hooks.toggle(members),
    },
    make("span", {className: "who", title: brief(name)}, brief(name, 80)),
    make("span", {className: "number"}, `${showPercent(sum(busy), sum(totals))} on CPU`),
    make("span", {className: "number"}, this.hooks.unit(sum(totals))), canvas);
    const allowed = filter.contexts("threads");
    profile.contexts.forEach((c, i) => { if (!members.includes(c.thread)) allowed[i] = 0; });
    const sums = slotSums(profile, allowed);
    requestAnimationFrame(() => {
      const width = canvas.clientWidth, height = canvas.clientHeight;
      if (!width) return;
      const means = columnMeans(sums, profile.slots, width);
      drawColumns(fitCanvas(canvas, width, height), means, usualMost(means), width, height);
    });
    return row;
  }
}

/* Values of tags; a click shows only what has that one. */
class TagsView {
  /* hooks: toggle(key, value), unit(value) */
  constructor(hooks) {
    this.hooks = hooks;
    this.element = make("div", {className: "tags"});
  }

  show(profile, filter) {
    const {cells, contexts, tagSets} = profile, allowed = filter.contexts("tags"), sums = new Map();
    const bySet = new Float64Array(tagSets.length);
    for (let i = 0; i < cells.n; i++) {
      if (allowed[cells.context[i]] && cells.slot[i] >= filter.from && cells.slot[i] < filter.to) {
        bySet[contexts[cells.context[i]].tags] += cells.value[i];
      }
    }
    tagSets.forEach((set, i) => set.forEach(([key, value]) => {
      if (!sums.has(key)) sums.set(key, new Map());
      sums.get(key).set(value, (sums.get(key).get(value) || 0) + bySet[i]);
    }));
    const all = bySet.reduce((sum, value) => sum + value, 0);
    refill(this.element, ...[...sums].map(([key, values]) => this.card(key, values, all, filter)));
    if (!sums.size) this.element.append(make("p", {className: "empty"}, "No tags were recorded."));
  }

  card(key, values, all, filter) {
    const chosen = filter.tags.get(key);
    const rows = [...values].sort((a, b) => b[1] - a[1]).slice(0, 300).map(([value, sum]) => make("button", {
      type: "button", "aria-pressed": String(Boolean(chosen && chosen.has(value))), onclick: () => this.hooks.toggle(key, value),
    }, bar(sum, all, this.hooks.unit(sum)), make("span", {className: "value"}, brief(value) || "(empty)")));
    return make("section", {}, make("h2", {}, brief(key)), ...rows);
  }
}

/* What the recording is, and how well it went. */
function recordingView(profile) {
  const {recording: r, threads} = profile, h = r.health;
  const list = (title, rows) => make("section", {}, make("h2", {}, title), make("dl", {}, ...rows
    .filter(([, value]) => value !== null && value !== "")
    .flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, brief(visible(String(value)), 1000))])));
  const failed = Object.entries(h.failed).map(([cause, n]) => `${grouped.format(n)} ${cause}`).join(", ");
  const share = h.duration ? ` (${showPercent(h.sampler_cpu_seconds, h.duration)} of a CPU)` : "";
  const notes = [];
  if (profile.slotSeconds > (r.interval || 0.001)) notes.push(`Times are kept in slots of ${showSeconds(profile.slotSeconds)}.`);
  if (profile.rarest > 1) notes.push(`Calls seen fewer than ${grouped.format(profile.rarest)} times are put together as "(rare calls)": the page would be too large.`);
  if (profile.crowdedOut) notes.push(`${grouped.format(profile.crowdedOut)} stack samples lost their tags or count for "other threads": there were too many different ones.`);
  if (!h.complete) notes.push("The recording has no end: it still runs, or was killed.");
  if (h.damaged_blocks) notes.push(`${h.damaged_blocks} blocks of the recording are damaged; the rest was read.`);
  const good = !h.damaged_blocks && (h.asked === 0 || h.taken >= h.asked * 0.99);
  return make("div", {className: "recording"},
    make("p", {className: good ? "verdict good" : "verdict bad"}, good
      ? "The recording is sound." : "Some of what was asked for is missing; see below."),
    list("Recording", [["command", r.command], ["host", r.host], ["folder", r.cwd], ["began", r.start],
      ["lasted", r.has_time ? showSeconds(h.duration) : ""], ["a tick every", r.interval ? showSeconds(r.interval) : ""],
      ["threads", grouped.format(threads.filter((t) => t.tid || t.pid).length)], ["recorder", r.recorder],
      ["shown", r.selection || "everything"], ["this page by", `live-trace ${r.version}`]]),
    list("Health", [["stack samples asked", grouped.format(h.asked)], ["taken", grouped.format(h.taken)], ["failed", failed || "0"],
      ["late", grouped.format(h.late)], ["retried", grouped.format(h.retried)],
      ["recorded, shown here", `${grouped.format(h.recorded)}, ${grouped.format(h.selected)}`],
      ["sampler's CPU time", showSeconds(h.sampler_cpu_seconds) + share], ["latest tick", showSeconds(h.max_lateness_seconds)]]),
    notes.length ? make("section", {}, make("h2", {}, "Notes"), make("ul", {}, ...notes.map((note) => make("li", {}, note)))) : null);
}
