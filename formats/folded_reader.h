/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of folded stacks, "root;...;leaf COUNT", as live-trace, perf's stackcollapse scripts,
 * py-spy and others write them. A frame may say where it is: "name (file)" or "name (file:line)".
 * The root frames "process NAME (PID)" and "thread NAME (TID)" that live-trace writes become what
 * they were, and so do py-spy's `process PID:"COMMAND"` and `thread (TID): NAME`, and the `tid:TID` of
 * Python 3.15's profiling.sampling, whose frames are "file:name:line". There are no times. Lines that begin with "# " are remarks.
 *
 * A difference of two recordings has two counts a line. It is no recording and is refused. */
#ifndef LT_FOLDED_READER_H
#define LT_FOLDED_READER_H

#include "formats/profile_reader.h"

extern const struct lt_input_format lt_folded_input_format;

#endif
