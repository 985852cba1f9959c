/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of the text log of the first live-trace (2017): a record a thread and tick,
 *
 *     #START date: 2017-06-01 12:00:00.123456
 *     # ProcessId: 100
 *     # ThreadID: 140737353970560
 *     File: "/srv/shop.py", line 30, in main
 *       total += price(item)
 *     #END
 *
 * frames outermost first, each followed by its source line where there is one. A program that was
 * recorded to standard output has its own lines in between: they are passed over. Dates are local
 * time without a zone, and are taken for that of this machine. */
#ifndef LT_CLASSIC_LOG_READER_H
#define LT_CLASSIC_LOG_READER_H

#include "formats/profile_reader.h"

extern const struct lt_input_format lt_classic_log_input_format;

#endif
