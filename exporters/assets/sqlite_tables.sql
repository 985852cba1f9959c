-- SPDX-License-Identifier: Apache-2.0
--
-- The tables of the sqlite output. SQLite keeps comments inside of a statement: `.schema` shows them.

CREATE TABLE meta ( -- what was recorded, and the health of the recording
  key TEXT PRIMARY KEY,              -- title, command, host, start_realtime_ns, asked, taken, failed_CAUSE ...
  value
) WITHOUT ROWID;

CREATE TABLE processes (
  id INTEGER PRIMARY KEY,
  pid INTEGER,                       -- NULL unknown
  name TEXT
);

CREATE TABLE threads (
  id INTEGER PRIMARY KEY,
  process_id INTEGER NOT NULL REFERENCES processes,
  tid INTEGER,                       -- the kernel's id; NULL unknown
  name TEXT
);

CREATE TABLE frames (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,                -- qualified where the recording knows it
  file TEXT,                         -- NULL none
  line INTEGER,                      -- with --by line the line, otherwise the function's first
  owner TEXT,                        -- your code, library, standard library; NULL none of them
  source TEXT                        -- the text of that line; NULL unknown
);

CREATE TABLE stacks (
  id INTEGER PRIMARY KEY,
  depth INTEGER NOT NULL,            -- frames in it
  leaf_id INTEGER NOT NULL REFERENCES frames, -- the innermost one
  samples INTEGER NOT NULL,          -- how often it was seen
  weight_ns INTEGER NOT NULL         -- the time that it stands for; 0 if the input has no times
);

CREATE TABLE stack_frames (
  stack_id INTEGER NOT NULL REFERENCES stacks,
  position INTEGER NOT NULL,         -- 0 is the root
  frame_id INTEGER NOT NULL REFERENCES frames,
  PRIMARY KEY (stack_id, position)
) WITHOUT ROWID;

CREATE TABLE tags ( -- those that held together
  set_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (set_id, key, value)
) WITHOUT ROWID;

CREATE TABLE samples ( -- one thread's stack at one tick
  id INTEGER PRIMARY KEY,
  time_ns INTEGER,                   -- since the recording began; NULL unknown
  thread_id INTEGER NOT NULL REFERENCES threads,
  stack_id INTEGER NOT NULL REFERENCES stacks,
  count INTEGER NOT NULL,            -- stack samples that the row stands for: 1, unless the input had totals
  weight_ns INTEGER NOT NULL,        -- the time that it stands for
  on_cpu INTEGER,                    -- 0 or 1; NULL unknown, also for the next three
  has_gil INTEGER,
  waits_for_gil INTEGER,
  in_gc INTEGER,
  tag_set_id INTEGER                 -- of tags; NULL none
);
