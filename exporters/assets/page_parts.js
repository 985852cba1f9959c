/* SPDX-License-Identifier: Apache-2.0
 *
 * What all views share: elements, numbers as people read them, colours. Text of the recording only ever becomes
 * text nodes. */
"use strict";

const byId = (id) => document.getElementById(id);

/* make("button", {className: "x", onclick: f}, "text", child) */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/* Other children; the button that had the focus keeps it. */
function refill(element, ...children) {
  const active = document.activeElement, text = element.contains(active) ? active.textContent : null;
  element.replaceChildren(...children);
  if (text === null) return;
  const again = [...element.querySelectorAll("button")].find((button) => button.textContent === text);
  if (again) again.focus({preventScroll: true});
}

/* Long enough to tell, short enough to lay out. */
function brief(text, most = 300) {
  return text.length > most ? text.slice(0, most) + "…" : text;
}

const grouped = new Intl.NumberFormat("en-US");

function showSeconds(s) {
  if (s >= 5400) return `${Math.floor(s / 3600)} h ${String(Math.floor(s % 3600 / 60)).padStart(2, "0")} min`;
  if (s >= 100) return `${Math.floor(s / 60)} min ${String(Math.floor(s % 60)).padStart(2, "0")} s`;
  if (s >= 1) return `${s.toPrecision(3)} s`;
  if (s >= 0.0995) return `${Math.round(s * 1000)} ms`;
  if (s > 0) return `${(s * 1000).toPrecision(s >= 0.001 ? 2 : 1)} ms`;
  return "0";
}

function showPercent(part, whole) {
  const percent = whole > 0 ? part / whole * 100 : 0;
  return `${percent.toFixed(percent >= 99.95 ? 0 : 1)}%`;
}

/* A moment of the recording, as precise as a step makes sense. */
function showMoment(s, step) {
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
  if (s < 60) return `${s.toFixed(digits)} s`;
  const whole = Math.floor(s), pad = (n) => String(n).padStart(2, "0");
  const rest = digits ? (s - whole).toFixed(digits).slice(1) : "";
  const minutes = `${pad(Math.floor(whole % 3600 / 60))}:${pad(whole % 60)}${rest}`;
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${minutes}` : minutes;
}

function place(item) {
  return item.file ? item.file + (item.line ? `:${item.line}` : "") : "";
}

const OWNERS = ["mine", "library", "stdlib", "other"];
const OWNER_NAMES = {mine: "your code", library: "library", stdlib: "standard library", other: "other"};

function owner(flags) {
  return flags & FLAG.MINE ? "mine" : flags & FLAG.LIBRARY ? "library" : flags & FLAG.STDLIB ? "stdlib" : "other";
}

/* Colours of the theme at hand: names are those of the style's variables. */
const theme = {
  dark: false,
  boxes: new Map(),
  named: new Map(),

  read() {
    const chosen = document.documentElement.dataset.theme;
    this.dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    this.boxes.clear();
    this.named.clear();
    this.style = getComputedStyle(document.documentElement);
  },

  color(name) {
    if (!this.named.has(name)) this.named.set(name, this.style.getPropertyValue(`--${name}`).trim());
    return this.named.get(name);
  },

  /* A box: whose code it is gives the hue, its name a shade of that. */
  box(item) {
    let color = this.boxes.get(item);
    if (!color) {
      let hash = 7;
      for (let i = 0; i < Math.min(item.name.length, 60); i++) hash = (hash * 31 + item.name.charCodeAt(i)) % 1009;
      const part = hash / 1009 - 0.5;
      const [hue, spread, saturation, light] = {
        mine: [28, 26, 92, 66], library: [212, 24, 70, 76], stdlib: [158, 28, 34, 73], other: [230, 10, 8, 78],
      }[owner(item.flags)];
      color = `hsl(${hue + part * spread} ${saturation - (this.dark ? 18 : 0)}% ${light - (this.dark ? 9 : 0) + part * 7}%)`;
      this.boxes.set(item, color);
    }
    return color;
  },
};

/* A canvas as large as its element, drawn in CSS pixels. */
function fitCanvas(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/* A search as a test of texts: a regular expression, or the letters as they are when it is none. */
function searchTest(query) {
  if (!query) return null;
  try {
    const expression = new RegExp(query, "i");
    return (text) => expression.test(text);
  } catch {
    const plain = query.toLowerCase();
    return (text) => text.toLowerCase().includes(plain);
  }
}

function itemMatches(item, test) {
  return test(item.name) || (item.file !== "" && test(place(item))) || (item.source !== "" && test(item.source));
}

/* A part of the whole as a bar behind its share and its amount. */
function bar(part, whole, amount, kind = "") {
  const cell = make("span", {className: `bar ${kind}`}, showPercent(part, whole), make("span", {className: "measure"}, amount));
  cell.style.setProperty("--part", `${whole > 0 ? Math.min(100, part / whole * 100) : 0}%`);
  return cell;
}
