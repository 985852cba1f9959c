/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of pprof's profile.proto, gzipped or not, of any writer (Go, live-trace, others). Samples are
 * totals without times. Of the columns, one that counts and one of time are taken: "samples" and
 * "wall" if there are such, and the one that the profile shows by default before others. Without a
 * column that counts it is not known how many stack samples there are; without one of time, how long
 * they stand for; a profile that has neither, or is a difference (values below 0), is refused.
 *
 * The labels "thread", "thread_id", "process" and "pid" that live-trace writes become what they
 * were; others are tags. What no function is known of is shown by its address.
 *
 * The strings stand last as a rule, so all of a profile is held: profiles are small. */
#ifndef LT_PPROF_READER_H
#define LT_PPROF_READER_H

#include "formats/profile_reader.h"

extern const struct lt_input_format lt_pprof_input_format;

#endif
