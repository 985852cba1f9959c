/* SPDX-License-Identifier: Apache-2.0
 *
 * The page: what is looked at, kept in its address, and the views that follow it. */
"use strict";

const VIEWS = {flame: "Flame graph", table: "Functions", sandwich: "Callers & callees", source: "Source", threads: "Threads", tags: "Tags",
  recording: "Recording"};
const MODES = {all: "All", cpu: "On CPU", gil: "Has GIL", gilwait: "Wants GIL", wait: "Waits", gc: "In GC"};
const KEYS = [["/", "search"], ["Esc", "close, clear the search, then the filters"], ["1 … 7", "views"], ["← ↑ → ↓", "walk over boxes, rows, or along time"],
  ["Enter", "zoom into a box; callers and callees of a row"], ["Backspace, Home", "zoom out; all the way"], ["i", "flames or icicles"],
  ["r", "reverse: begin where stacks end"], ["m", "next mode: all, on CPU, ..."], ["d", "dark or light"],
  ["p", "pause, or follow again, a recording that is written"], ["?", "this list"]];

class Page {
  constructor(profile, live) {
    this.live = live;
    this.state = {view: "flame", group: "function", shape: "flame", reverse: false, query: ""};
    this.chosen = null; /* {tree, key} */
    this.makeParts();
    this.listen();
    theme.read();
    this.show(profile);
  }

  /* A profile, or a newer one of the same recording: then what is looked at stays, as far as the address says it. */
  show(profile) {
    const {chosen} = this;
    this.profile = profile;
    this.filter = new Filter(profile);
    this.trees = new Map();
    this.views = Object.keys(VIEWS).filter((view) => view !== "tags" || profile.tagSets.length > 1);
    this.hasLines = profile.recording.by === "line";
    this.groups = this.hasLines ? ["function", "line", "file"] : ["function"];
    this.modes = this.knownModes();
    this.unit = profile.recording.unit_is_time ? showSeconds : (n) => `${grouped.format(n)} ${n === 1 ? "sample" : "samples"}`;
    this.parts.recording = recordingView(profile);
    byId("time").hidden = !profile.recording.has_time || profile.slots < 2;
    this.readAddress();
    this.heading();
    this.chosen = chosen && this.again(chosen);
    this.refresh();
  }

  /* What was chosen in the profile before. */
  again({tree, key}) {
    const now = this.treeBy(tree.group), same = now.keys.get(tree.texts[key]);
    return same === undefined ? null : {tree: now, key: same};
  }

  knownModes() {
    const states = this.profile.contexts.map((c) => c.state);
    if (!states.some((state) => !(state & STATE.UNKNOWN))) return ["all"];
    const seldom = {gc: STATE.GC, gilwait: STATE.GIL_WAIT};
    return Object.keys(MODES).filter((mode) => !seldom[mode] || states.some((state) => state & seldom[mode]));
  }

  makeParts() {
    const unit = (value) => this.unit(value);
    const hooks = {
      unit, isMatch: null,
      choose: (box) => this.choose(box.graph.tree, box.key),
      open: (box) => box && this.openSandwich(box.graph.tree, box.key),
      hint: (box, x, y) => this.hintBox(box, x, y),
    };
    this.flame = new FlameView("Flame graph", hooks);
    this.callers = new FlameView("Callers", hooks);
    this.callees = new FlameView("Callees", hooks);
    this.flameHooks = hooks;
    const rowHooks = {unit, choose: (key) => this.choose(this.tree, key), open: (key) => this.openSandwich(this.tree, key)};
    this.table = new FunctionTable(rowHooks);
    this.sideTable = new FunctionTable(rowHooks);
    this.source = new SourceView({unit});
    this.threads = new ThreadsView({unit, toggle: (threads) => this.toggleThreads(threads)});
    this.tags = new TagsView({unit, toggle: (key, value) => this.toggleTag(key, value)});
    this.sandwichTitle = make("h2", {});
    this.parts = {
      flame: this.flame.element,
      table: this.table.element,
      sandwich: make("div", {className: "sandwich"}, this.sideTable.element, make("div", {className: "panes"},
        make("small", {}, "callers"), this.callers.element, this.sandwichTitle, make("small", {}, "callees"), this.callees.element)),
      source: this.source.element,
      threads: this.threads.element,
      tags: this.tags.element,
    };
    this.timeline = new Timeline(byId("timeline"), {
      select: (from, to) => this.selectTime(from, to),
      hint: (text, x, y) => this.hint(text ? [text] : null, x, y),
    });
  }

  heading() {
    const r = this.profile.recording;
    const title = visible(r.title) || "recording";
    document.title = `${brief(title, 100)} - live-trace`;
    byId("title").textContent = brief(title, 100);
    const began = r.start ? new Date(r.start).toLocaleString() : "";
    byId("subtitle").textContent = [brief(visible(r.command), 200), visible(r.host), began, visible(r.selection)].filter(Boolean).join(" · ");
  }

  /* One tree a grouping, made when it is first wanted. */
  treeBy(group) {
    if (!this.trees.has(group)) this.trees.set(group, new Tree(this.profile, group));
    return this.trees.get(group);
  }

  get tree() {
    return this.treeBy(this.state.group);
  }

  sumsBy(group) {
    if (!this.sums.has(group)) this.sums.set(group, new Sums(this.treeBy(group), this.values));
    return this.sums.get(group);
  }

  /* Many changes in one frame are one refresh. A browser that shows nothing gives no frames. */
  refreshSoon() {
    if (this.due) return;
    this.due = true;
    const refresh = () => {
      if (!this.due) return;
      this.due = false;
      this.refresh();
    };
    requestAnimationFrame(refresh);
    setTimeout(refresh, 100);
  }

  refresh() {
    const {values, samples} = this.filter.values();
    this.values = values;
    this.samples = samples;
    this.sums = new Map();
    this.refreshMatches();
    this.showFilters();
    this.showViews();
    this.showTimeline();
    this.showView();
    this.showDetails();
    this.writeAddress();
  }

  /* What is marked: the search, or else the function that was chosen. */
  refreshMatches() {
    const test = searchTest(this.state.query), {tree} = this, sums = this.sumsBy(this.state.group);
    this.test = test;
    this.matches = test ? Uint8Array.from(tree.items, (item) => itemMatches(item, test)) : null;
    this.flameHooks.isMatch = this.matches ? (box) => this.matches[box.key] : null;
    this.covered = this.matches ? tree.covered(this.matches) : null;
    let found = 0;
    if (this.covered) {
      for (let node = 1; node < tree.n; node++) if (this.covered[node] && !this.covered[tree.parent[node]]) found += sums.total[node];
    }
    byId("matched").textContent = test ? `${showPercent(found, sums.all)} matched` : "";
  }

  showTimeline() {
    const allowed = this.filter.contexts();
    let {covered} = this;
    if (!covered && this.chosen && this.chosen.tree === this.tree && this.chosen.key >= 0) {
      const only = new Uint8Array(this.tree.items.length);
      only[this.chosen.key] = 1;
      covered = this.tree.covered(only);
    }
    const matches = covered && !byId("time").hidden ? slotMatches(this.profile, allowed, this.tree, covered) : null;
    this.timeline.show(this.profile, slotSums(this.profile, allowed), matches, this.filter.from, this.filter.to);
  }

  showViews() {
    refill(byId("views"), ...this.views.map((view) => make("button", {
      type: "button", role: "tab", id: `tab-${view}`, "aria-selected": String(view === this.state.view), onclick: () => this.go(view),
    }, VIEWS[view])), this.legend());
    byId(`tab-${this.state.view}`).scrollIntoView({inline: "nearest", block: "nearest"});
  }

  legend() {
    const waits = this.modes.length > 1 ? [["wait", "waits"]] : [];
    return make("span", {className: "legend"}, ...[...Object.entries(OWNER_NAMES), ...waits].map(([kind, name]) =>
      make("span", {}, make("i", {className: `dot ${kind}`}), name)));
  }

  showView() {
    const part = this.parts[this.state.view], {tree} = this, sums = this.sumsBy(this.state.group);
    if (byId("view").firstChild !== part) byId("view").replaceChildren(part);
    const key = this.chosen && this.chosen.tree === tree ? this.chosen.key : -1;
    switch (this.state.view) {
      case "flame":
        return this.flame.show(this.state.reverse ? new Upwards(tree, sums) : new Downwards(tree, sums), this.state.shape === "flame");
      case "table":
        return this.table.show(tree, sums, this.test, key);
      case "sandwich":
        return this.showSandwich(tree, sums, key);
      case "source":
        return this.source.show(this.treeBy("file"), this.sumsBy("file"), this.treeBy("source"), this.sumsBy("source"), this.test);
      case "threads":
        return this.threads.show(this.profile, this.filter);
      case "tags":
        return this.tags.show(this.profile, this.filter);
    }
  }

  showSandwich(tree, sums, key) {
    this.sideTable.show(tree, sums, this.test, key);
    const chosen = key >= 0 ? key : this.sideTable.rows[0];
    if (chosen === undefined) return;
    const item = tree.items[chosen];
    this.sandwichTitle.replaceChildren(brief(item.name), " ", make("small", {}, brief(place(item))),
      make("span", {className: "figures"}, `self ${showPercent(sums.keySelf[chosen], sums.all)}, total ${showPercent(sums.keyTotal[chosen], sums.all)}`));
    this.callers.show(new Upwards(tree, sums, chosen), true);
    this.callees.show(new Downwards(tree, sums, chosen), false);
  }

  /* Filters */

  segment(name, choices, current, choose) {
    return make("span", {className: "segment", role: "group", "aria-label": name}, ...Object.entries(choices).map(([value, label]) =>
      make("button", {type: "button", "aria-pressed": String(value === current), onclick: () => choose(value)}, label)));
  }

  chip(text, remove) {
    return make("button", {type: "button", className: "chip", title: "Leave this filter out", onclick: remove}, `${brief(text, 40)} ✕`);
  }

  showFilters() {
    const {filter, profile, state} = this, step = profile.slotSeconds, parts = [];
    const pick = (names, labels) => Object.fromEntries(names.map((name) => [name, labels(name)]));
    if (this.modes.length > 1) parts.push(this.segment("Mode", pick(this.modes, (m) => MODES[m]), filter.mode, (mode) => this.setMode(mode)));
    if (filter.hasTime) parts.push(this.chip(`${showMoment(filter.from * step, step)} – ${showMoment(filter.to * step, step)}`, () => this.selectTime(0, profile.slots)));
    for (const thread of filter.threads) parts.push(this.chip(profile.threads[thread].name, () => this.toggleThreads([thread])));
    for (const [key, values] of filter.tags) for (const value of values) parts.push(this.chip(`${key}=${value}`, () => this.toggleTag(key, value)));
    parts.push(make("span", {className: "amount"}, profile.recording.unit_is_time
      ? `${showSeconds(this.sumsBy(state.group).all)}, ${grouped.format(this.samples)} stack samples` : `${grouped.format(this.samples)} stack samples`));
    if (state.view === "flame") {
      parts.push(this.segment("Shape", {flame: "Flames", icicle: "Icicles"}, state.shape, (shape) => this.set({shape})));
      parts.push(this.segment("Direction", {false: "From callers", true: "Reversed"}, String(state.reverse), (reverse) => this.set({reverse: reverse === "true"})));
    }
    if (["flame", "table", "sandwich"].includes(state.view) && this.groups.length > 1) {
      parts.push(this.segment("Told apart by", pick(this.groups, (g) => GROUPS[g].label), state.group, (group) => this.set({group})));
    }
    refill(byId("filters"), ...parts);
  }

  set(changes) {
    Object.assign(this.state, changes);
    this.refreshSoon();
  }

  go(view) {
    this.hint(null);
    this.set({view});
  }

  setMode(mode) {
    this.filter.mode = mode;
    this.refreshSoon();
  }

  selectTime(from, to) {
    Object.assign(this.filter, {from, to});
    this.refreshSoon();
  }

  toggleThreads(threads) {
    const chosen = this.filter.threads, all = threads.every((t) => chosen.has(t));
    threads.forEach((t) => (all ? chosen.delete(t) : chosen.add(t)));
    this.refreshSoon();
  }

  toggleTag(key, value) {
    const values = this.filter.tags.get(key) || new Set();
    if (!values.delete(value)) values.add(value);
    if (values.size) this.filter.tags.set(key, values);
    else this.filter.tags.delete(key);
    this.refreshSoon();
  }

  clear() {
    if (this.state.query) this.search("");
    else {
      this.filter.mode = "all";
      this.filter.threads.clear();
      this.filter.tags.clear();
      this.chosen = null;
      this.selectTime(0, this.profile.slots);
    }
  }

  search(query) {
    byId("search").value = query;
    this.set({query});
  }

  /* One function at hand */

  choose(tree, key) {
    this.chosen = key >= 0 ? {tree, key} : null;
    this.showDetails();
    this.showTimeline();
    if (this.state.view === "table") this.showView();
    else if (this.state.view === "sandwich" && tree === this.tree && document.activeElement !== this.callers.canvas &&
      document.activeElement !== this.callees.canvas) this.showView();
  }

  openSandwich(tree, key) {
    if (key < 0) return;
    this.chosen = {tree, key};
    this.go("sandwich");
  }

  openSource(item) {
    this.source.file = item.file || item.name;
    this.go("source");
  }

  showDetails() {
    const {chosen} = this, details = byId("details");
    details.hidden = !chosen;
    if (!chosen) return;
    const item = chosen.tree.items[chosen.key], sums = this.sumsBy(chosen.tree.group);
    details.replaceChildren(
      make("i", {className: `dot ${owner(item.flags)}`}), make("b", {}, brief(item.name)), make("span", {className: "path"}, brief(place(item))),
      make("span", {className: "figures"}, `self ${this.unit(sums.keySelf[chosen.key])} (${showPercent(sums.keySelf[chosen.key], sums.all)}), ` +
        `total ${this.unit(sums.keyTotal[chosen.key])} (${showPercent(sums.keyTotal[chosen.key], sums.all)})`),
      make("span", {className: "actions"},
        make("button", {type: "button", onclick: () => this.openSandwich(chosen.tree, chosen.key)}, "Callers & callees"),
        item.file && this.hasLines ? make("button", {type: "button", onclick: () => this.openSource(item)}, "Source") : null,
        make("button", {type: "button", "aria-label": "Close", onclick: () => this.choose(chosen.tree, -1)}, "✕")));
  }

  hintBox(box, x, y) {
    if (!box) return this.hint(null);
    const all = box.graph.sums.all, total = `${this.unit(box.total)} (${showPercent(box.total, all)})`;
    if (box.key < 0) return this.hint([`all: ${total}`], x, y);
    const {item} = box;
    this.hint([brief(item.name), brief([place(item), OWNER_NAMES[owner(item.flags)]].filter(Boolean).join(", ")), brief(item.source),
      `total ${total}, self ${this.unit(box.self)} (${showPercent(box.self, all)})`], x, y);
  }

  hint(lines, x = 0, y = 0) {
    const tooltip = byId("tooltip");
    tooltip.hidden = !lines;
    if (!lines) return;
    tooltip.replaceChildren(...lines.filter(Boolean).map((line) => make("div", {}, line)));
    const {width, height} = tooltip.getBoundingClientRect();
    tooltip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 6))}px`;
    tooltip.style.top = `${y + 18 + height > innerHeight ? Math.max(4, y - height - 10) : y + 18}px`;
  }

  /* The page's address: what is needed to see the same again, also in another recording of the same program. */

  writeAddress() {
    const {filter, state, profile} = this, words = new URLSearchParams();
    for (const [name, value] of [["view", state.view], ["mode", filter.mode], ["by", state.group], ["shape", state.shape]]) words.set(name, value);
    if (state.reverse) words.set("reverse", "1");
    if (state.query) words.set("search", state.query);
    if (filter.hasTime) words.set("time", [filter.from, filter.to].map((slot) => +(slot * profile.slotSeconds).toFixed(6)).join("-"));
    for (const t of filter.threads) words.append("thread", `${profile.threads[t].pid}:${profile.threads[t].tid}`);
    for (const [key, values] of filter.tags) for (const value of values) words.append("tag", `${key}=${value}`);
    history.replaceState(null, "", `#${words}`);
  }

  readAddress() {
    const words = new URLSearchParams(location.hash.slice(1)), {filter, state, profile} = this;
    const among = (name, choices, fallback) => (choices.includes(words.get(name)) ? words.get(name) : fallback);
    state.view = among("view", this.views, "flame");
    state.group = among("by", this.groups, "function");
    state.shape = among("shape", ["flame", "icicle"], "flame");
    state.reverse = words.get("reverse") === "1";
    state.query = words.get("search") || "";
    if (byId("search").value !== state.query) byId("search").value = state.query;
    filter.mode = among("mode", this.modes, "all");
    const [from, to] = (words.get("time") || "").split("-").map((s) => Math.round(s / profile.slotSeconds));
    if (from >= 0 && to > from && from < profile.slots) Object.assign(filter, {from, to: Math.min(to, profile.slots)});
    const wanted = words.getAll("thread");
    profile.threads.forEach((t, i) => { if (wanted.includes(`${t.pid}:${t.tid}`)) filter.threads.add(i); });
    const tags = words.getAll("tag");
    profile.tagSets.flat().forEach(([key, value]) => {
      if (tags.includes(`${key}=${value}`)) filter.tags.set(key, (filter.tags.get(key) || new Set()).add(value));
    });
  }

  /* Keyboard, pointer, theme */

  listen() {
    byId("search").addEventListener("input", (e) => this.set({query: e.target.value}));
    byId("theme").addEventListener("click", () => this.switchTheme());
    byId("help").addEventListener("click", () => this.showKeys());
    document.addEventListener("keydown", (e) => this.key(e));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.themeChanged());
    addEventListener("hashchange", () => {
      this.filter = new Filter(this.profile);
      this.readAddress();
      this.refresh();
    });
  }

  key(event) {
    const typing = event.target === byId("search");
    if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
    if (event.key === "Escape") {
      this.clear();
      if (typing) byId("search").blur();
      return;
    }
    if (typing) return;
    const view = this.views[Number(event.key) - 1];
    const modes = this.modes, next = modes[(modes.indexOf(this.filter.mode) + 1) % modes.length];
    const actions = {
      "/": () => byId("search").select(),
      "?": () => this.showKeys(),
      d: () => this.switchTheme(),
      i: () => this.set({shape: this.state.shape === "flame" ? "icicle" : "flame"}),
      r: () => this.set({reverse: !this.state.reverse}),
      m: () => this.setMode(next),
      p: () => this.live.toggle(),
    };
    if (!view && !actions[event.key]) return;
    event.preventDefault();
    if (view) this.go(view);
    else actions[event.key]();
  }

  switchTheme() {
    document.documentElement.dataset.theme = theme.dark ? "light" : "dark";
    this.themeChanged();
  }

  themeChanged() {
    theme.read();
    this.refresh();
  }

  showKeys() {
    byId("keys").replaceChildren(make("h2", {}, "Keys"), make("dl", {}, ...KEYS.flatMap(([key, what]) => [make("dt", {}, key), make("dd", {}, what)])),
      make("p", {}, "Drag over the timeline to look at a span of time; double-click it for everything. Double-click a function for its callers and callees."),
      make("form", {method: "dialog"}, make("button", {}, "Close")));
    byId("keys").showModal();
  }
}

let page = null;

async function start() {
  const letters = byId("profile").textContent;
  const live = new Live(byId("live"), {busy: () => page.timeline.dragging, show: (profile) => page.show(profile)});
  const profile = await readProfile(letters ? fromBase64(letters) : await live.fetchNew());
  page = new Page(profile, live);
  if (!letters) await live.follow(profile);
}

start().catch((error) => {
  byId("subtitle").textContent = "The profile cannot be read: it is not complete, not served any more, or this browser is older than 2023.";
  console.error(error);
});
