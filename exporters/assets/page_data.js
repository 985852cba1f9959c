/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile that the page carries or fetches, taken apart: two JSON documents, then columns of numbers. What is in them
 * is told in exporters/html_columns.h and exporters/html.c. */
"use strict";

const FLAG = {MINE: 1, LIBRARY: 2, STDLIB: 4, THREAD: 8, PROCESS: 16, UNKNOWN: 32};
const STATE = {CPU: 1, GIL: 2, GC: 4, GIL_WAIT: 8, UNKNOWN: 16};

function fromBase64(letters) {
  const binary = atob(letters);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
    this.decoder = new TextDecoder();
  }

  /* Numbers of more than 53 bits lose their last ones. */
  number() {
    let value = 0, factor = 1, byte;
    do {
      byte = this.bytes[this.at++];
      value += (byte & 127) * factor;
      factor *= 128;
    } while (byte > 127);
    return value;
  }

  signed() {
    const value = this.number();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }

  numbers(n) {
    const out = new Float64Array(n);
    for (let i = 0; i < n; i++) out[i] = this.number();
    return out;
  }

  text(length) {
    this.at += length;
    return this.decoder.decode(this.bytes.subarray(this.at - length, this.at));
  }

  json() {
    return JSON.parse(this.text(this.number()));
  }
}

/* Characters that cannot be seen, or that change the order of others, as \uXXXX: names come from foreign programs. */
function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

function readStrings(reader) {
  return Array.from(reader.numbers(reader.number()), (length) => visible(reader.text(length)));
}

/* [{name, file, line, flags, source}] */
function readFrames(reader, strings) {
  const n = reader.number();
  const [names, files, lines, flags, sources] = [0, 1, 2, 3, 4].map(() => reader.numbers(n));
  return Array.from(names, (name, i) => ({
    name: strings[name], file: strings[files[i]], line: lines[i], flags: flags[i], source: strings[sources[i]],
  }));
}

/* Node 0 is the root, which has no frame; a caller has a smaller number than its callees. */
function readNodes(reader) {
  const n = reader.number();
  const ups = reader.numbers(n), frames = reader.numbers(n);
  const parent = new Int32Array(n + 1), frame = new Int32Array(n + 1).fill(-1);
  let node = 0;
  for (let i = 0; i < n; i++) {
    for (let up = ups[i]; up > 0; up--) node = parent[node];
    parent[i + 1] = node;
    frame[i + 1] = frames[i];
    node = i + 1;
  }
  return {n: n + 1, parent, frame};
}

/* Sums by node, context and time slot. */
function readCells(reader, intervalUs, unitIsTime) {
  const items = reader.number();
  const nodes = reader.numbers(items), contexts = reader.numbers(items), lengths = reader.numbers(items);
  const n = lengths.reduce((sum, length) => sum + length, 0);
  const cells = {n, node: new Int32Array(n), context: new Int32Array(n), slot: new Int32Array(n),
    count: new Float64Array(n), value: null};
  for (let i = 0, at = 0, node = 0; i < items; i++) {
    node += nodes[i];
    for (let k = 0, slot = 0; k < lengths[i]; k++, at++) {
      slot += reader.number();
      cells.node[at] = node;
      cells.context[at] = contexts[i];
      cells.slot[at] = slot;
    }
  }
  for (let i = 0; i < n; i++) cells.count[i] = reader.number() + 1;
  if (!unitIsTime) {
    cells.value = cells.count;
    return cells;
  }
  cells.value = new Float64Array(n);
  for (let i = 0; i < n; i++) cells.value[i] = (reader.signed() + cells.count[i] * intervalUs) / 1e6;
  return cells;
}

function readThreads(list) {
  return list.map((t) => t
    ? {pid: t.pid, tid: t.tid, name: visible(t.name) || "thread", process: visible(t.process) || "process"}
    : {pid: 0, tid: 0, name: "other threads", process: ""});
}

/* From gzipped bytes. Values are seconds, or stack samples. */
async function readProfile(bytes) {
  const reader = new Reader(await inflate(bytes));
  const recording = reader.json(), frame = reader.json();
  const strings = readStrings(reader);
  const frames = readFrames(reader, strings);
  const nodes = readNodes(reader);
  const cells = readCells(reader, frame.interval_us, recording.unit_is_time);
  return {
    recording, frames, nodes, cells,
    threads: readThreads(frame.threads),
    tagSets: frame.tag_sets.map((set) => set.map((pair) => pair.map(visible))),
    contexts: frame.contexts.map(([thread, state, tags]) => ({thread, state, tags})),
    slotSeconds: frame.slot, slots: Math.max(1, frame.slots),
    rarest: frame.rarest, crowdedOut: frame.crowded_out,
  };
}
