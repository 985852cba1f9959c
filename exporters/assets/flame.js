// SPDX-License-Identifier: Apache-2.0
//
// Makes a still flame graph one to work with: it fills the window, zooms on click, searches, turns over, and
// keeps what it shows in the address, so that a link leads back to it. All names are set as text, never as markup.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg", HTML = "http://www.w3.org/1999/xhtml";
  const MARGIN = 12, CHARACTER = 0.602, LEAST_CHARACTERS = 3, LEAST_PIXELS = 0.3, GAP = 1;
  const root = document.currentScript ? document.currentScript.ownerSVGElement : document.documentElement;
  const frames = root.querySelector(".frames");
  const coarse = matchMedia("(pointer: coarse)").matches;
  const HELP = coarse ? "Tap a box to zoom in, one that it stands on to zoom out." :
    "click, Enter: zoom · Esc: out · arrows: walk · /: search · n, N: next match · c: case · i: icicle · d: dark · ⌫: back";
  const fontSize = parseFloat(root.dataset.font);
  const rowHeight = Math.max(parseFloat(root.dataset.row), coarse ? 26 : 0);
  const unit = root.dataset.unit; // of counts; undefined: weights are nanoseconds

  // The boxes, in the order of a walk from left to right, callers first: a box's callees directly follow it.
  const boxes = [];
  let rows = 0;

  function readBoxes() {
    const open = [];
    for (const element of frames.querySelectorAll("[data-b]")) {
      const [row, x, width] = element.dataset.b.split(" ").map(Number);
      const title = element.querySelector("title").textContent;
      const [label] = title.split("\n");
      const box = { element, row, x, width, title, label, name: label.replace(/ \([^()]*\)$/, ""), at: boxes.length,
        rect: element.querySelector("rect"), text: element.querySelector("text") };
      open.length = row;
      box.parent = open[row - 1] || null;
      open.push(box);
      boxes.push(box);
      rows = Math.max(rows, row + 1);
      element.setAttribute("tabindex", "-1");
      element.setAttribute("role", "treeitem");
      element.setAttribute("aria-level", row + 1);
    }
    // Behind the last callee.
    for (let i = boxes.length - 1; i >= 0; i--) {
      const box = boxes[i];
      box.end = box.end || i + 1;
      if (box.parent) box.parent.end = Math.max(box.parent.end || 0, box.end);
    }
  }

  readBoxes();
  const whole = boxes[0].width;

  // What is shown; what the address keeps.
  const initial = { zoom: boxes[0], search: "", matchCase: false, icicle: root.dataset.icicle === "1", dark: null };
  const state = { ...initial };
  let current = boxes[0]; // has the keyboard
  let hits = [];
  let expression = null;

  // ---- Words

  function amount(weight) {
    if (unit !== undefined) return `${weight} ${unit}`;
    if (weight >= 1e9 || weight === 0) return `${weight > 0 ? (weight / 1e9).toFixed(2) : 0} s`;
    return weight >= 1e6 ? `${(weight / 1e6).toFixed(1)} ms` : `${(weight / 1e3).toFixed(1)} µs`;
  }

  const share = (part, all) => `${(all > 0 ? 100 * part / all : 0).toFixed(2)}%`;

  // ---- Panels: the head; the tools, which stay in the window; at its lower edge what the pointer is on

  function make(tag, className, text) {
    const element = document.createElementNS(HTML, tag);
    if (className) element.setAttribute("class", className);
    if (text) element.textContent = text;
    return element;
  }

  function panel(className) {
    const holder = document.createElementNS(SVG, "foreignObject");
    const content = make("div", className);
    holder.setAttribute("x", 0);
    holder.setAttribute("width", "100%");
    holder.setAttribute("height", 1);
    holder.style.overflow = "visible";
    holder.append(content);
    root.append(holder);
    return { holder, content };
  }

  function button(text, title, action) {
    const element = make("button", "", text);
    element.setAttribute("type", "button");
    element.setAttribute("title", title);
    element.addEventListener("click", action);
    return element;
  }

  const head = panel("panel"), tools = panel("panel tools"), details = panel("panel details");
  const searchField = make("input"), matched = make("output", "matched");
  const caseButton = button("Aa", "match case (c)", () => change({ matchCase: !state.matchCase }));
  const turnButton = button("", "flame or icicle (i)", () => change({ icicle: !state.icicle }));
  const themeButton = button("", "dark or light (d)", () => change({ dark: !isDark() }));
  const resetButton = button("Reset zoom", "show everything (Esc)", () => change({ zoom: boxes[0] }));
  const clearButton = button("Clear", "end the search (Esc in it)", () => change({ search: "" }));

  function buildHead() {
    const still = root.querySelector(".head");
    for (const [kind, tag] of [["title", "h1"], ["subtitle", "p"], ["notes", "p"]]) {
      const text = still.querySelector(`.${kind}`);
      if (text) head.content.append(make(tag, kind, text.textContent));
    }
    const legend = make("div", "legend");
    for (const chip of still.querySelectorAll(".chip")) {
      const entry = make("span"), mark = document.createElementNS(SVG, "svg"), square = document.createElementNS(SVG, "rect");
      square.setAttribute("width", "100%");
      square.setAttribute("height", "100%");
      square.setAttribute("rx", 3);
      mark.setAttribute("class", chip.getAttribute("class").replace("chip", ""));
      mark.append(square);
      entry.append(mark, make("span", "", chip.querySelector("text").textContent));
      legend.append(entry);
    }
    if (legend.firstChild) head.content.append(legend);
    still.remove();
  }

  function buildTools() {
    searchField.setAttribute("type", "search");
    searchField.setAttribute("placeholder", "Search (regex)");
    searchField.setAttribute("aria-label", "Search");
    searchField.setAttribute("autocapitalize", "none");
    searchField.setAttribute("spellcheck", "false");
    searchField.addEventListener("input", () => change({ search: searchField.value }, true));
    matched.setAttribute("aria-live", "polite");
    tools.content.append(searchField, caseButton, clearButton, turnButton);
    if (themeRule) tools.content.append(themeButton);
    tools.content.append(resetButton, matched);
  }

  function show(box) {
    const zoomed = state.zoom !== boxes[0] && box.row >= state.zoom.row ? `; ${share(box.width, state.zoom.width)} of the view` : "";
    details.content.textContent = box.title.replaceAll("\n", "  ") + zoomed;
    placePanels();
  }

  function showNothing() {
    details.content.textContent = HELP;
    placePanels();
  }

  // ---- Dark and light: the reader's choice turns the style's own rule on or off

  const themeRule = [...root.querySelector("style").sheet.cssRules].find(
    rule => rule.media && rule.media.mediaText.includes("prefers-color-scheme"));
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => state.dark === null ? prefersDark.matches : state.dark;

  function applyTheme() {
    if (!themeRule) return;
    themeRule.media.mediaText = state.dark === null ? "(prefers-color-scheme: dark)" : state.dark ? "all" : "not all";
    themeButton.textContent = isDark() ? "Light" : "Dark";
  }

  // ---- Drawing

  const columnsOf = character => character.codePointAt(0) >= 0x1100 ? 2 : 1;

  function cut(text, room) {
    let columns = 0, fits = "", shorter = "";
    for (const character of text) {
      columns += columnsOf(character);
      if (columns > room) return `${shorter}…`;
      fits += character;
      if (columns < room) shorter = fits;
    }
    return fits;
  }

  function caption(box, pixels) {
    const room = Math.floor((pixels - 8) / (CHARACTER * fontSize));
    if (room < LEAST_CHARACTERS) return "";
    const full = cut(box.label, room);
    return full === box.label ? full : cut(box.name, room);
  }

  function drawBox(box, x, width, pixels) {
    const y = (state.icicle ? box.row : rows - 1 - box.row) * rowHeight;
    const text = caption(box, width / 100 * pixels);
    box.rect.setAttribute("x", `${x}%`);
    box.rect.setAttribute("width", `${width - (width / 100 * pixels > 3 * GAP ? 100 * GAP / pixels : 0)}%`);
    box.rect.setAttribute("y", y);
    box.rect.setAttribute("height", rowHeight - 1);
    if (text && !box.text) {
      box.text = document.createElementNS(SVG, "text");
      box.text.setAttribute("dx", 4);
      box.element.append(box.text);
    }
    if (box.text) {
      box.text.textContent = text;
      box.text.setAttribute("x", `${x}%`);
      box.text.setAttribute("y", y + rowHeight / 2 + fontSize * 0.35);
    }
  }

  // A box's place in the view: those below the zoomed one are as wide as it, those beside it are not there.
  function drawBoxes(pixels) {
    const view = state.zoom;
    for (const box of boxes) {
      const above = box.row < view.row && box.at < view.at && box.end > view.at;
      const inside = box.at >= view.at && box.at < view.end;
      const width = above || box === view ? 100 : 100 * box.width / view.width;
      const shown = (above || inside) && width / 100 * pixels >= LEAST_PIXELS;
      box.shown = shown;
      box.element.style.display = shown ? "" : "none";
      box.element.classList.toggle("above", above);
      if (shown) drawBox(box, above || box === view ? 0 : 100 * (box.x - view.x) / view.width, width, pixels);
    }
  }

  const heightOf = ({ content }) => Math.ceil(content.getBoundingClientRect().height);
  const alone = root === document.documentElement; // not a part of some page
  let height = 0;

  function draw() {
    const pixels = Math.max(root.getBoundingClientRect().width - 2 * MARGIN, 50);
    frames.setAttribute("width", pixels);
    frames.setAttribute("height", rows * rowHeight);
    drawBoxes(pixels);
    placeAll();
  }

  // Below each other, as high as the texts in them have become.
  function placeAll() {
    const top = heightOf(head) + heightOf(tools) + 2;
    height = Math.max(top + rows * rowHeight + MARGIN + heightOf(details), alone ? innerHeight : 0);
    frames.setAttribute("y", top);
    root.setAttribute("height", height);
    placePanels();
  }

  // Tools and details stay in the window while the graph is scrolled behind them.
  function placePanels() {
    tools.holder.setAttribute("y", Math.max(alone ? scrollY : 0, heightOf(head)));
    details.holder.setAttribute("y", Math.max(Math.min(alone ? scrollY + innerHeight : height, height) - heightOf(details), 0));
  }

  // ---- Search

  function compile() {
    try {
      expression = state.search ? new RegExp(state.search, state.matchCase ? "u" : "iu") : null;
      searchField.setAttribute("aria-invalid", "false");
      return true;
    } catch (error) {
      expression = null;
      searchField.setAttribute("aria-invalid", "true");
      return false;
    }
  }

  // Weight below a box's part of the graph in which something matched; a match inside of a match counts once.
  function matchedIn(view) {
    let sum = 0;
    for (let i = view.at; i < view.end;) {
      const hit = boxes[i].hit;
      sum += hit ? boxes[i].width : 0;
      i = hit ? boxes[i].end : i + 1;
    }
    return sum;
  }

  function search() {
    const understood = compile();
    hits = [];
    for (const box of boxes) {
      box.hit = Boolean(expression) && box.row > 0 && expression.test(box.label);
      if (box.hit) hits.push(box);
      box.element.classList.toggle("match", box.hit);
      box.element.classList.toggle("dim", Boolean(expression) && !box.hit);
    }
    matched.textContent = !understood ? "not a regular expression" : expression ? matchedText() : "";
  }

  function matchedText() {
    const sum = matchedIn(boxes[0]);
    const view = state.zoom === boxes[0] ? "" : `, ${share(matchedIn(state.zoom), state.zoom.width)} of the view`;
    return `${share(sum, whole)} matched (${amount(sum)})${view}`;
  }

  function nextHit(step) {
    const shown = hits.filter(box => box.shown);
    if (!shown.length) return;
    const after = shown.findIndex(box => box.at > current.at);
    const before = shown.findLastIndex(box => box.at < current.at);
    focus(step > 0 ? shown[after < 0 ? 0 : after] : shown[before < 0 ? shown.length - 1 : before]);
  }

  // ---- The state and the address

  function address() {
    const words = new URLSearchParams();
    if (state.zoom !== boxes[0]) words.set("zoom", `${state.zoom.row}.${state.zoom.x}`);
    if (state.search) words.set("search", state.search);
    if (state.matchCase) words.set("case", 1);
    if (state.icicle !== initial.icicle) words.set("icicle", Number(state.icicle));
    if (state.dark !== null) words.set("dark", Number(state.dark));
    return `#${words}`;
  }

  function readAddress() {
    const words = new URLSearchParams(location.hash.slice(1));
    const [row, x] = (words.get("zoom") || "0.0").split(".").map(Number);
    return {
      zoom: boxes.find(box => box.row === row && box.x === x) || boxes[0],
      search: words.get("search") || "",
      matchCase: words.get("case") === "1",
      icicle: words.has("icicle") ? words.get("icicle") === "1" : initial.icicle,
      dark: words.has("dark") ? words.get("dark") === "1" : null,
    };
  }

  // The boxes stay where they are while letters of a search are typed.
  function apply(typing) {
    if (searchField.value !== state.search) searchField.value = state.search;
    caseButton.setAttribute("aria-pressed", state.matchCase);
    turnButton.textContent = state.icicle ? "Flame" : "Icicle";
    resetButton.hidden = state.zoom === boxes[0];
    clearButton.hidden = !state.search;
    applyTheme();
    search();
    if (typing) placeAll();
    else draw();
  }

  // Each step is one that the browser's Back undoes; letters of one search are one step.
  function change(next, typing) {
    Object.assign(state, next);
    apply(typing);
    try {
      history[typing ? "replaceState" : "pushState"](null, "", address());
    } catch (error) {
      // A page without an address, as in a sandbox: it works, and no link leads back.
    }
  }

  // ---- Keys and pointers

  function focus(box) {
    current.element.setAttribute("tabindex", "-1");
    current = box;
    box.element.setAttribute("tabindex", "0");
    box.element.setAttribute("aria-label", box.title.replaceAll("\n", ", "));
    box.element.focus({ preventScroll: true });
    box.element.scrollIntoView({ block: "nearest", inline: "nearest" });
    show(box);
  }

  const callees = box => boxes.slice(box.at + 1, box.end).filter(other => other.parent === box && other.shown);

  function sibling(box, step) {
    if (!box.parent) return null;
    const all = callees(box.parent);
    return all[all.indexOf(box) + step];
  }

  function walk(key) {
    const outward = key === (state.icicle ? "ArrowUp" : "ArrowDown");
    if (key === "ArrowLeft" || key === "ArrowRight") return sibling(current, key === "ArrowLeft" ? -1 : 1);
    if (outward) return current.parent;
    return callees(current).reduce((widest, box) => !widest || box.width > widest.width ? box : widest, null);
  }

  function zoomTo(box) {
    change({ zoom: box });
    show(box);
  }

  function escape() {
    if (state.zoom !== boxes[0]) zoomTo(boxes[0]);
    else if (state.search) change({ search: "" });
  }

  const keys = {
    "Enter": () => zoomTo(current), " ": () => zoomTo(current),
    "Escape": escape, "Home": () => focus(boxes[0]), "Backspace": () => history.back(),
    "/": () => searchField.focus(), "F3": () => searchField.focus(),
    "n": () => nextHit(1), "N": () => nextHit(-1),
    "c": () => change({ matchCase: !state.matchCase }), "i": () => change({ icicle: !state.icicle }),
    "d": () => themeRule && change({ dark: !isDark() }), "?": showNothing,
  };

  function onKey(event) {
    const inField = event.target === searchField;
    const find = (event.ctrlKey || event.metaKey) && event.key === "f";
    if (find) {
      searchField.focus();
      searchField.select();
    } else if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    } else if (inField) {
      if (event.key === "Escape") change({ search: "" });
      else if (event.key === "Enter") nextHit(1);
      else return;
    } else if (event.key.startsWith("Arrow")) {
      const next = walk(event.key);
      if (!next || !next.shown) return;
      focus(next);
    } else if (keys[event.key] && !(event.target.localName === "button" && /^(Enter| )$/.test(event.key))) {
      keys[event.key]();
    } else {
      return;
    }
    event.preventDefault();
  }

  function listen() {
    const elements = new Map(boxes.map(box => [box.element, box]));
    const at = event => elements.get(event.target.closest("[data-b]"));
    frames.addEventListener("click", event => {
      const box = at(event);
      if (!box) return;
      focus(box);
      zoomTo(box);
    });
    frames.addEventListener("pointerover", event => at(event) && show(at(event)));
    frames.addEventListener("pointerleave", showNothing);
    frames.addEventListener("focusin", event => at(event) && show(at(event)));
    addEventListener("keydown", onKey);
    addEventListener("resize", draw);
    addEventListener("scroll", placePanels, { passive: true });
    addEventListener("popstate", () => { Object.assign(state, readAddress()); apply(); });
    prefersDark.addEventListener("change", applyTheme);
  }

  // A file that is opened by itself tells a phone how wide it is, as a page does.
  function claimWindow() {
    if (!alone) return;
    const viewport = make("meta");
    viewport.setAttribute("name", "viewport");
    viewport.setAttribute("content", "width=device-width, initial-scale=1");
    root.prepend(viewport);
  }

  claimWindow();
  root.removeAttribute("viewBox");
  root.setAttribute("width", "100%");
  frames.setAttribute("role", "tree");
  frames.setAttribute("aria-label", "stacks");
  boxes[0].element.setAttribute("tabindex", "0");
  buildHead();
  buildTools();
  showNothing();
  listen();
  Object.assign(state, readAddress());
  apply();
  if (alone && !state.icicle) scrollTo(0, height);
})();
