/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of speedscope's own JSON, sampled and evented, as live-trace, py-spy and others write it. A
 * profile is a thread; names as live-trace and py-spy give them tell process and ids. Of profiles
 * in units of time each entry has its time and length, but how many stack samples it was is not
 * said: equal neighbours are merged. Of those without a unit the weights are counts. Profiles
 * of bytes are refused.
 *
 * Names may stand last, so entries are held, with 24 bytes each, and each different stack once. */
#ifndef LT_SPEEDSCOPE_READER_H
#define LT_SPEEDSCOPE_READER_H

#include "formats/profile_reader.h"

extern const struct lt_input_format lt_speedscope_input_format;

#endif
