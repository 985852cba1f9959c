/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoder of the trace format (formats/TRACE-FORMAT.md). Its memory is bounded by what one segment
 * defines. A file that is still being written reads up to its last whole block. */
#ifndef LT_TRACE_READER_H
#define LT_TRACE_READER_H

#include "formats/profile_reader.h"

extern const struct lt_input_format lt_trace_input_format;

#endif
