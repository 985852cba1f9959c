/* SPDX-License-Identifier: Apache-2.0
 *
 * Traces from readable text, so that tests show what they are about. A line is a command; words are
 * separated by blanks; within double quotes blanks are kept and \" \\ \n \t \xHH are
 * escapes; `#` begins a comment line. Durations are numbers with ns, us, ms, s, m or h.
 *
 * First, about the recording, as far as wanted:
 *     host TEXT   command TEXT   cwd TEXT   recorder TEXT
 *     start 2026-11-23T10:00:00   wall clock at time 0, UTC; or seconds since the epoch
 *     interval 10ms               that is also the default; 0s: unknown
 *     no-time                     its samples have no time
 *     segment-bytes N             a new segment after that much,
 *     segment-time DURATION       or after that long
 *     level N                     of compression, 0 to 9
 * Then, in any order:
 *     process KEY [pid=N] [ppid=N] [python=TEXT] [command=TEXT] [cwd=TEXT] [host=TEXT]
 *     thread KEY process=KEY [tid=N] [ident=N] [name=TEXT]
 *     name KEY TEXT               a new name for a thread
 *     set KEY STATE [tag:K=V]... FRAME...
 *         what a thread is at from the next tick on, outermost frame first. STATE: wait, or some
 *         of cpu,gil,gc,gil-wait,unknown. FRAME: name@file:line, or with the function's first
 *         line name@file:line/first; line and file may be left out. A single `?` is the unknown
 *         stack.
 *     tick [N] [covers=N] [at=DURATION]
 *         one tick, or N; the next one comes an interval after the last one covers
 *     end KEY                     a thread or a process ends
 *     source FILE LINE TEXT
 *     health [asked=N] [taken=N] [late=N] [retried=N] [cpu=DURATION] [lateness=DURATION]
 *            [CAUSE=N]...
 *         figures for the health blocks from here on; CAUSE as in lt_fail_name()
 *     flush                       ends the open block
 *     segment [TIME]              ends the segment; in the next one the wall clock says that the
 *                                 recording began at that TIME, written as for `start`
 *     damage TYPE                 spoils the next block of that type: segment, defs, ticks,
 *                                 totals, sources, health, end
 *     block N TEXT                a block of any type
 *     recording                   ends the recording; another one follows in the same file
 *     unfinished                  the recorder is killed here; nothing may follow */
#ifndef LT_TRACE_SCRIPT_H
#define LT_TRACE_SCRIPT_H

#include <stddef.h>

struct lt_output;

/* Writes the trace that the text describes; the output is not closed. 0, or a negative enum
 * lt_error and a message with the number of the line. */
int lt_trace_script(const char *text, struct lt_output *output, char *message, size_t size);

#endif
