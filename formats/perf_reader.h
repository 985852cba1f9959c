/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of what `perf script` prints: a head for each sample, then its frames, innermost first,
 *
 *     python3 22769/22771 [001] 27935.817350:   20000000 cpu-clock:
 *             7f43816b7c22 py::inner:/srv/app.py+0x4 (/tmp/perf-22769.map)
 *                   109580 PyObject_Malloc+0x0 (/usr/lib/libpython3.12.so.1.0)
 *
 * Python's own frames are there when it ran with -X perf. Process ids are, with -F +pid. The first
 * event that occurs is read, samples of others are counted as outside. Times are those of perf's clock from
 * the first sample on; what time a sample stands for is known of cpu-clock and task-clock alone. */
#ifndef LT_PERF_READER_H
#define LT_PERF_READER_H

#include "formats/profile_reader.h"

extern const struct lt_input_format lt_perf_input_format;

#endif
