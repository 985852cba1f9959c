/* SPDX-License-Identifier: Apache-2.0
 *
 * Stacks as trees by what frames are told apart by, their sums under a filter, and the graphs that are drawn from
 * them: downwards from callers to callees, or upwards from callees to callers. */
"use strict";

const GROUPS = {
  function: {label: "Function", key: (f) => `${f.name}\0${f.file}\0${f.flags}`, join: false},
  line: {label: "Line", key: (f) => `${f.name}\0${f.file}\0${f.flags}\0${f.line}`, join: false},
  file: {label: "File", key: (f) => f.file || f.name, join: true},
  source: {label: "Source line", key: (f) => `${f.file}\0${f.line}`, join: false},
};

/* What a key stands for, to be shown. */
function groupItem(group, frame) {
  if (group === "file") return {name: frame.file || frame.name, file: "", line: 0, flags: frame.flags, source: ""};
  if (group === "function") return {...frame, line: 0, source: ""};
  return frame;
}

class Tree {
  constructor(profile, group) {
    const {frames, nodes} = profile;
    this.group = group;
    this.items = []; /* by key */
    this.keys = new Map(); /* what frames are told apart by -> key */
    const keyOfFrame = this.keysOf(frames, group);
    this.parent = new Int32Array(nodes.n);
    this.key = new Int32Array(nodes.n).fill(-1);
    this.nodeOf = new Int32Array(nodes.n); /* by the profile's node */
    this.n = this.merge(nodes, keyOfFrame, GROUPS[group].join);
    this.link();
    this.findOutermost();
  }

  keysOf(frames, group) {
    this.texts = []; /* by key */
    return Int32Array.from(frames, (frame) => {
      const text = GROUPS[group].key(frame);
      let key = this.keys.get(text);
      if (key === undefined) {
        key = this.items.push(groupItem(group, frame)) - 1;
        this.texts.push(text);
        this.keys.set(text, key);
      }
      return key;
    });
  }

  /* Equal callees of a caller become one node; with `join` also a callee and its caller. */
  merge(nodes, keyOfFrame, join) {
    const known = new Map();
    const keys = this.items.length;
    let n = 1;
    for (let i = 1; i < nodes.n; i++) {
      const parent = this.nodeOf[nodes.parent[i]], key = keyOfFrame[nodes.frame[i]];
      if (join && this.key[parent] === key) {
        this.nodeOf[i] = parent;
        continue;
      }
      const place = parent * keys + key;
      let node = known.get(place);
      if (node === undefined) {
        node = n++;
        known.set(place, node);
        this.parent[node] = parent;
        this.key[node] = key;
      }
      this.nodeOf[i] = node;
    }
    return n;
  }

  link() {
    this.firstChild = new Int32Array(this.n);
    this.nextSibling = new Int32Array(this.n);
    for (let node = this.n - 1; node > 0; node--) {
      this.nextSibling[node] = this.firstChild[this.parent[node]];
      this.firstChild[this.parent[node]] = node;
    }
  }

  /* Nodes whose key is not also further out in their stack: what recursion counts once by. */
  findOutermost() {
    this.outermost = new Uint8Array(this.n);
    const open = new Int32Array(this.items.length);
    const path = [];
    for (let node = this.firstChild[0]; node; node = this.next(node)) {
      while (path.length && path[path.length - 1] !== this.parent[node]) open[this.key[path.pop()]]--;
      this.outermost[node] = open[this.key[node]]++ === 0;
      path.push(node);
    }
  }

  /* The next one on a walk from callers to callees; 0 at the end. */
  next(node) {
    if (this.firstChild[node]) return this.firstChild[node];
    while (node && !this.nextSibling[node]) node = this.parent[node];
    return this.nextSibling[node];
  }

  /* By node: does its stack have a key that `matches` (by key) says? */
  covered(matches) {
    const covered = new Uint8Array(this.n);
    for (let node = 1; node < this.n; node++) covered[node] = covered[this.parent[node]] || matches[this.key[node]];
    return covered;
  }
}

/* Self and total by node and by key, of what the filter leaves. */
class Sums {
  constructor(tree, values) {
    this.self = new Float64Array(tree.n);
    for (let i = 1; i < values.length; i++) this.self[tree.nodeOf[i]] += values[i];
    this.total = this.self.slice();
    for (let node = tree.n - 1; node > 0; node--) this.total[tree.parent[node]] += this.total[node];
    this.keySelf = new Float64Array(tree.items.length);
    this.keyTotal = new Float64Array(tree.items.length);
    for (let node = 1; node < tree.n; node++) {
      this.keySelf[tree.key[node]] += this.self[node];
      if (tree.outermost[node]) this.keyTotal[tree.key[node]] += this.total[node];
    }
    this.all = this.total[0];
  }
}

/* A box of a flame graph stands for nodes of the tree (its members) that are shown as one. Its children are worked out
 * when they are first asked for, so that only what can be seen is. */
class Box {
  constructor(graph, parent, key) {
    this.graph = graph;
    this.parent = parent;
    this.level = parent ? parent.level + 1 : 0;
    this.key = key;
    this.members = [];
    this.weights = [];
    this.total = 0;
    this.self = 0;
    this.known = null;
  }

  add(member, weight) {
    this.members.push(member);
    this.weights.push(weight);
    this.total += weight;
  }

  get item() {
    return this.graph.tree.items[this.key];
  }

  /* The same in the trees of other profiles. */
  get text() {
    return this.graph.tree.texts[this.key];
  }

  get children() {
    if (!this.known) this.known = this.graph.expand(this);
    return this.known;
  }
}

class Graph {
  constructor(tree, sums) {
    this.tree = tree;
    this.sums = sums;
  }

  group(box, pairs) {
    const byKey = new Map();
    pairs((node, weight) => {
      const key = this.tree.key[node];
      let child = byKey.get(key);
      if (!child) byKey.set(key, child = new Box(this, box, key));
      child.add(node, weight);
    });
    return [...byKey.values()].sort((a, b) => b.total - a.total || a.key - b.key);
  }

  setSelf(box) {
    box.self = box.members.reduce((sum, node) => sum + this.sums.self[node], 0);
  }
}

/* From a caller down to what it calls. */
class Downwards extends Graph {
  constructor(tree, sums, key = -1) {
    super(tree, sums);
    this.root = new Box(this, null, key);
    if (key < 0) this.root.add(0, sums.all);
    else for (let i = 1; i < tree.n; i++) if (tree.key[i] === key && tree.outermost[i] && sums.total[i]) this.root.add(i, sums.total[i]);
    this.setSelf(this.root);
  }

  expand(box) {
    const {tree, sums} = this;
    const children = this.group(box, (put) => {
      for (const member of box.members) {
        for (let node = tree.firstChild[member]; node; node = tree.nextSibling[node]) {
          if (sums.total[node] > 0) put(node, sums.total[node]);
        }
      }
    });
    children.forEach((child) => this.setSelf(child));
    return children;
  }
}

/* From a callee up to who called it; without a key, from wherever stacks end. */
class Upwards extends Graph {
  constructor(tree, sums, key = -1) {
    super(tree, sums);
    this.root = new Box(this, null, key);
    const of = key < 0 ? sums.self : sums.total;
    for (let i = 1; i < tree.n; i++) {
      if (of[i] > 0 && (key < 0 || (tree.key[i] === key && tree.outermost[i]))) this.root.add(i, of[i]);
    }
  }

  expand(box) {
    const {tree} = this;
    const start = box === this.root && box.key < 0;
    return this.group(box, (put) => {
      for (let i = 0; i < box.members.length; i++) {
        const node = start ? box.members[i] : tree.parent[box.members[i]];
        if (node) put(node, box.weights[i]);
        else box.self += box.weights[i];
      }
    });
  }
}

/* The part of a recording that is looked at: modes, threads, tags, a span of time slots. */
class Filter {
  constructor(profile) {
    this.profile = profile;
    this.mode = "all";
    this.threads = new Set(); /* empty: all */
    this.tags = new Map(); /* key -> Set of values; empty: all */
    this.from = 0;
    this.to = profile.slots;
  }

  get hasTime() {
    return this.from > 0 || this.to < this.profile.slots;
  }

  allowsState(state) {
    switch (this.mode) {
      case "cpu": return (state & STATE.CPU) !== 0;
      case "gil": return (state & STATE.GIL) !== 0;
      case "gilwait": return (state & STATE.GIL_WAIT) !== 0;
      case "gc": return (state & STATE.GC) !== 0;
      case "wait": return (state & (STATE.CPU | STATE.UNKNOWN)) === 0;
      default: return true;
    }
  }

  allowsTags(set) {
    for (const [key, values] of this.tags) {
      if (!set.some(([k, v]) => k === key && values.has(v))) return false;
    }
    return true;
  }

  /* By context, 1 if it is looked at. `except` is a filter to leave out: "threads" or "tags". */
  contexts(except = "") {
    const tagsAllowed = this.profile.tagSets.map((set) => except === "tags" || this.allowsTags(set));
    return Uint8Array.from(this.profile.contexts, (c) => this.allowsState(c.state) && tagsAllowed[c.tags] &&
      (except === "threads" || !this.threads.size || this.threads.has(c.thread)));
  }

  /* Values and stack samples by the profile's node. */
  values() {
    const {cells, nodes} = this.profile;
    const allowed = this.contexts(), values = new Float64Array(nodes.n);
    let samples = 0;
    for (let i = 0; i < cells.n; i++) {
      if (allowed[cells.context[i]] && cells.slot[i] >= this.from && cells.slot[i] < this.to) {
        values[cells.node[i]] += cells.value[i];
        samples += cells.count[i];
      }
    }
    return {values, samples};
  }
}
