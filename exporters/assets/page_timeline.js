/* SPDX-License-Identifier: Apache-2.0
 *
 * What the threads did along time: whose code was on a processor, what waited. A span is chosen by dragging. */
"use strict";

const KINDS = ["mine", "library", "stdlib", "other", "wait"];

/* By slot and kind, of the contexts that are allowed; kinds of slot s begin at s * KINDS.length. */
function slotSums(profile, allowed) {
  const {cells, nodes, frames, contexts} = profile;
  const sums = new Float64Array(profile.slots * KINDS.length);
  const kindOfFrame = Uint8Array.from(frames, (f) => KINDS.indexOf(owner(f.flags)));
  const waits = Uint8Array.from(contexts, (c) => !(c.state & (STATE.CPU | STATE.UNKNOWN)));
  for (let i = 0; i < cells.n; i++) {
    if (!allowed[cells.context[i]]) continue;
    const kind = waits[cells.context[i]] ? KINDS.length - 1 : kindOfFrame[nodes.frame[cells.node[i]]];
    sums[cells.slot[i] * KINDS.length + kind] += cells.value[i];
  }
  return sums;
}

/* By slot: how much of it is covered by a search or a chosen function. */
function slotMatches(profile, allowed, tree, covered) {
  const {cells} = profile, sums = new Float64Array(profile.slots);
  for (let i = 0; i < cells.n; i++) {
    if (allowed[cells.context[i]] && covered[tree.nodeOf[cells.node[i]]]) sums[cells.slot[i]] += cells.value[i];
  }
  return sums;
}

/* Means over the slots of a column, which is three pixels or more and as a rule a few ticks wide: single ticks come in
 * one slot or the next by chance. */
function columnMeans(sums, slots, width) {
  const n = KINDS.length, columns = Math.max(1, Math.min(slots, Math.floor(width / 3), Math.max(100, Math.floor(slots / 3))));
  const means = new Float64Array(columns * n);
  for (let column = 0; column < columns; column++) {
    const first = Math.floor(column * slots / columns), end = Math.max(first + 1, Math.floor((column + 1) * slots / columns));
    for (let slot = first; slot < end; slot++) {
      for (let kind = 0; kind < n; kind++) means[column * n + kind] += sums[slot * n + kind] / (end - first);
    }
  }
  return means;
}

/* The height that nearly all columns stay below. */
function usualMost(means) {
  const heights = [];
  for (let i = 0; i < means.length; i += KINDS.length) heights.push(means.slice(i, i + KINDS.length).reduce((a, b) => a + b, 0));
  heights.sort((a, b) => a - b);
  return heights[Math.floor((heights.length - 1) * 0.99)] * 1.04;
}

/* Draws columns of stacked kinds; what is higher than `most` is cut. */
function drawColumns(context, means, most, width, height) {
  const n = KINDS.length, columns = means.length / n, wide = width / columns;
  for (let column = 0; column < columns; column++) {
    let y = height;
    for (let kind = 0; kind < n && most > 0; kind++) {
      const high = Math.min(y, means[column * n + kind] / most * height);
      if (high <= 0) continue;
      context.fillStyle = theme.color(`kind-${KINDS[kind]}`);
      context.fillRect(column * wide, y - high, wide + 0.3, high);
      y -= high;
    }
  }
}

class Timeline {
  /* hooks: select(from, to) in slots, live while dragging; hint(text, x, y) */
  constructor(canvas, hooks) {
    this.canvas = canvas;
    this.hooks = hooks;
    this.profile = null;
    canvas.addEventListener("pointerdown", (e) => this.down(e));
    canvas.addEventListener("pointermove", (e) => this.move(e));
    canvas.addEventListener("pointerup", (e) => this.up(e));
    canvas.addEventListener("pointerleave", () => hooks.hint(""));
    canvas.addEventListener("dblclick", () => hooks.select(0, this.profile.slots));
    canvas.addEventListener("keydown", (e) => this.key(e));
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
  }

  show(profile, sums, matches, from, to) {
    Object.assign(this, {profile, sums, matches, from, to});
    const step = this.profile.slotSeconds;
    this.canvas.setAttribute("aria-label", `Timeline, ${showMoment(from * step, step)} to ${showMoment(to * step, step)} ` +
      "selected; drag to select a span, arrow keys move it, Escape selects everything");
    this.draw();
  }

  get width() {
    return this.canvas.parentElement.clientWidth;
  }

  x(slot) {
    return slot / this.profile.slots * this.width;
  }

  slot(event) {
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    return Math.max(0, Math.min(this.profile.slots, x / this.width * this.profile.slots));
  }

  draw() {
    const width = this.width, axis = 15, height = this.canvas.parentElement.clientHeight;
    if (!this.profile || !width || !height) return;
    const context = fitCanvas(this.canvas, width, height), {slots} = this.profile;
    context.clearRect(0, 0, width, height);
    const means = columnMeans(this.sums, slots, width);
    this.most = usualMost(means);
    drawColumns(context, means, this.most, width, height - axis);
    if (this.matches) this.drawMatches(context, means.length / KINDS.length, width, height - axis);
    this.drawAxis(context, width, height, axis);
    if (this.from > 0 || this.to < slots) this.drawSpan(context, height - axis);
  }

  drawMatches(context, columns, width, height) {
    const {slots} = this.profile, wide = width / columns, sums = new Float64Array(columns);
    this.matches.forEach((value, slot) => { sums[Math.floor(slot / slots * columns)] += value * columns / slots; });
    context.fillStyle = theme.color("found");
    sums.forEach((sum, column) => {
      const high = this.most > 0 ? Math.min(height, sum / this.most * height) : 0;
      context.fillRect(column * wide, height - high, wide + 0.3, high);
    });
  }

  drawAxis(context, width, height, axis) {
    const seconds = this.profile.slots * this.profile.slotSeconds, goal = seconds / Math.max(2, width / 110);
    const steps = [1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
      14400, 43200, 86400];
    const step = steps.find((s) => s >= goal) || Math.ceil(goal / 86400) * 86400;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "bottom";
    context.fillStyle = theme.color("dim");
    for (let s = 0; s < seconds; s += step) {
      const x = s / seconds * width;
      context.fillRect(x, height - axis, 1, 4);
      if (x < width - 40) context.fillText(showMoment(s, step), x + 3, height);
    }
  }

  drawSpan(context, height) {
    const from = this.x(this.from), to = this.x(this.to);
    context.fillStyle = theme.color("veil");
    context.fillRect(0, 0, from, height);
    context.fillRect(to, 0, this.width - to, height);
    context.fillStyle = theme.color("accent");
    context.fillRect(from - 1, 0, 2, height);
    context.fillRect(to - 1, 0, 2, height);
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.begun = this.slot(event);
  }

  move(event) {
    const at = this.slot(event), step = this.profile.slotSeconds;
    if (!this.dragging) {
      this.hooks.hint(showMoment(at * step, step), event.clientX, event.clientY);
      return;
    }
    if (Math.abs(this.x(at) - this.x(this.begun)) < 4) return;
    const from = Math.floor(Math.min(at, this.begun)), to = Math.max(from + 1, Math.ceil(Math.max(at, this.begun)));
    this.hooks.select(from, to);
    this.hooks.hint(`${showMoment(from * step, step)} – ${showMoment(to * step, step)} (${showSeconds((to - from) * step)})`,
      event.clientX, event.clientY);
  }

  get dragging() {
    return this.begun !== undefined;
  }

  up() {
    this.begun = undefined;
  }

  /* Arrows move the span, with Shift its end. */
  key(event) {
    const {slots} = this.profile, step = Math.max(1, Math.round(slots / 100));
    const by = {ArrowLeft: -step, ArrowRight: step}[event.key];
    if (!by) return;
    event.preventDefault();
    let {from, to} = this;
    if (from === 0 && to === slots) to = Math.max(1, Math.round(slots / 10));
    else if (event.shiftKey) to = Math.max(from + 1, Math.min(slots, to + by));
    else {
      const moved = Math.max(-from, Math.min(slots - to, by));
      from += moved;
      to += moved;
    }
    this.hooks.select(from, to);
  }
}
