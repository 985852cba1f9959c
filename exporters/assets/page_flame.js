/* SPDX-License-Identifier: Apache-2.0
 *
 * One graph as boxes on a canvas. Only what is wider than half a pixel is laid out, only what is in sight is drawn. */
"use strict";

const NARROWEST = 0.5; /* pixels */

/* What leads from the root to a box, and the box as far as that leads in another graph. */
function pathOf(box) {
  const path = [];
  for (; box && box.parent; box = box.parent) path.unshift(box.text);
  return path;
}

function follow(root, path) {
  let box = root;
  for (const text of path) {
    const child = box.children.find((c) => c.text === text);
    if (!child) break;
    box = child;
  }
  return box;
}

class FlameView {
  /* hooks: choose(box), open(box), hint(box, x, y), isMatch(box) or null, unit(value) */
  constructor(label, hooks) {
    this.hooks = hooks;
    this.upwards = false; /* the root at the bottom */
    this.canvas = make("canvas", {role: "img", "aria-label": label, tabIndex: 0});
    this.spacer = make("div", {className: "spacer"});
    this.element = make("div", {className: "flame"}, this.canvas, this.spacer);
    this.rows = [];
    this.chosen = null;
    this.element.addEventListener("scroll", () => this.draw());
    this.canvas.addEventListener("pointermove", (e) => this.point(e));
    this.canvas.addEventListener("pointerleave", () => this.hooks.hint(null));
    this.canvas.addEventListener("click", (e) => this.click(e));
    this.canvas.addEventListener("dblclick", (e) => this.hooks.open(this.boxAt(e)));
    this.canvas.addEventListener("keydown", (e) => this.key(e));
    new ResizeObserver(() => this.layOut()).observe(this.element);
  }

  get rowHeight() {
    return matchMedia("(pointer: coarse)").matches ? 24 : 19;
  }

  /* Shows another graph; the zoomed and the chosen box are looked for by their paths. */
  show(graph, upwards) {
    const zoomed = pathOf(this.zoomed), chosen = this.chosen && pathOf(this.chosen);
    const turned = this.upwards !== upwards || !this.graph;
    this.graph = graph;
    this.upwards = upwards;
    this.zoomed = follow(graph.root, zoomed);
    this.chosen = chosen && follow(graph.root, chosen);
    if (this.chosen && this.chosen.level < chosen.length) this.chosen = null;
    this.layOut();
    if (turned) this.toRoot();
  }

  zoom(box) {
    this.zoomed = box;
    this.layOut();
    this.toRoot();
  }

  toRoot() {
    this.element.scrollTop = this.upwards ? this.element.scrollHeight : 0;
    this.draw();
  }

  /* The zoomed box and what is above it are as wide as the view; what it calls shares its width. */
  layOut() {
    if (!this.graph) return;
    this.width = this.element.clientWidth;
    this.rows = [];
    const put = (box, x, width) => (this.rows[box.level] ||= []).push({box, x, width});
    for (let box = this.zoomed.parent; box; box = box.parent) put(box, 0, this.width);
    const waiting = [[this.zoomed, 0]], scale = this.zoomed.total > 0 ? this.width / this.zoomed.total : 0;
    while (waiting.length) {
      const [box, x] = waiting.pop();
      put(box, x, box.total * scale);
      let at = x;
      for (const child of box.children) {
        const width = child.total * scale;
        if (width < NARROWEST) break; /* those behind it are not wider */
        waiting.push([child, at]);
        at += width;
      }
    }
    this.rows.forEach((row) => row.sort((a, b) => a.x - b.x));
    this.spacer.style.height = `${Math.max(0, this.height - this.element.clientHeight)}px`;
    this.draw();
  }

  get height() {
    return this.rows.length * this.rowHeight + 4;
  }

  top(level) {
    const sight = Math.max(this.height, this.element.clientHeight);
    const y = this.upwards ? sight - (level + 1) * this.rowHeight : level * this.rowHeight;
    return y - this.element.scrollTop;
  }

  draw() {
    const height = this.element.clientHeight;
    if (!this.graph || !this.width || !height) return;
    const context = fitCanvas(this.canvas, this.width, height);
    context.clearRect(0, 0, this.width, height);
    context.font = "12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace";
    context.textBaseline = "middle";
    this.letter = context.measureText("x").width;
    for (let level = 0; level < this.rows.length; level++) {
      const y = this.top(level);
      if (y > -this.rowHeight && y < height) this.rows[level].forEach((place) => this.drawBox(context, place, y));
    }
  }

  drawBox(context, {box, x, width}, y) {
    const match = this.hooks.isMatch, above = box.level < this.zoomed.level, high = this.rowHeight - 1;
    const found = match && box.key >= 0 && match(box);
    const pale = box.key >= 0 && (above || (match && !found));
    context.globalAlpha = pale ? 0.4 : 1;
    context.fillStyle = found ? theme.color("found") : box.key < 0 ? theme.color("root") : theme.box(box.item);
    const gap = width > 3 ? 1 : 0;
    context.fillRect(x, y, width - gap, high);
    context.globalAlpha = 1;
    if (box === this.chosen) {
      context.strokeStyle = theme.color("text");
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 1, Math.max(1, width - 2), high - 2);
    }
    context.fillStyle = pale || box.key < 0 ? theme.color("text") : "#15171c";
    if (width > 28) this.drawLabel(context, box, x, y + high / 2 + 0.5, width - gap - 8);
  }

  drawLabel(context, box, x, y, room) {
    const letters = Math.floor(room / this.letter);
    const name = box.key < 0 ? this.rootLabel(box) : box.item.name;
    const where = box.key < 0 ? "" : place(box.item);
    const text = name.length <= letters ? name : name.slice(0, Math.max(1, letters - 1)) + "…";
    this.drawText(context, text, x + 4, y, room);
    if (where && letters > name.length + 12) {
      context.globalAlpha = 0.6;
      const left = letters - name.length - 2;
      this.drawText(context, where.length <= left ? where : "…" + where.slice(1 - left), x + 4 + (name.length + 2) * this.letter, y,
        left * this.letter);
      context.globalAlpha = 1;
    }
  }

  /* Letters of other scripts can be wider than was counted on. */
  drawText(context, text, x, y, room) {
    if (/^[\x20-\x7e…]*$/.test(text)) context.fillText(text, x, y);
    else context.fillText(text, x, y, Math.max(1, room));
  }

  rootLabel(box) {
    return `all: ${this.hooks.unit(box.total)}`;
  }

  boxAt(event) {
    const rect = this.canvas.getBoundingClientRect(), x = event.clientX - rect.left, y = event.clientY - rect.top;
    const sight = Math.max(this.height, this.element.clientHeight), deep = y + this.element.scrollTop;
    const level = Math.floor((this.upwards ? sight - deep : deep) / this.rowHeight);
    const found = (this.rows[level] || []).find((place) => x >= place.x && x < place.x + place.width);
    return found ? found.box : null;
  }

  point(event) {
    const box = this.boxAt(event);
    this.canvas.style.cursor = box ? "pointer" : "default";
    this.hooks.hint(box, event.clientX, event.clientY);
  }

  click(event) {
    const box = this.boxAt(event);
    if (!box) return;
    this.choose(box);
    if (event.detail < 2) this.zoom(box);
  }

  choose(box) {
    this.chosen = box;
    this.hooks.choose(box);
    this.draw();
  }

  /* Arrows walk over the boxes in sight; Enter zooms, Backspace goes back out. */
  key(event) {
    const box = this.chosen || this.zoomed;
    const towards = this.upwards ? {in: "ArrowUp", out: "ArrowDown"} : {in: "ArrowDown", out: "ArrowUp"};
    const siblings = (this.rows[box.level] || []).map((place) => place.box), at = siblings.indexOf(box);
    let next = null;
    if (event.key === towards.out) next = box.parent;
    else if (event.key === towards.in) next = ((this.rows[box.level + 1] || []).find((place) => place.box.parent === box) || {}).box;
    else if (event.key === "ArrowRight") next = siblings[at + 1];
    else if (event.key === "ArrowLeft") next = siblings[at - 1];
    else if (event.key === "Enter" || event.key === " ") this.zoom(box);
    else if (event.key === "Backspace" && this.zoomed.parent) this.zoom(this.zoomed.parent);
    else if (event.key === "Home") this.zoom(this.graph.root);
    else return;
    event.preventDefault();
    if (next) {
      this.choose(next);
      this.reveal(next.level);
    }
  }

  reveal(level) {
    const y = this.top(level), height = this.element.clientHeight;
    if (y < 0) this.element.scrollTop += y - this.rowHeight;
    else if (y + this.rowHeight > height) this.element.scrollTop += y + 2 * this.rowHeight - height;
  }
}
