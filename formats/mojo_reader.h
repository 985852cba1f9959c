/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of MOJO, austin's binary format, versions 1 to 4: a stream of events that name strings and
 * frames once and then build stack samples of them, each with the time since the thread's sample before.
 * It says as much as austin's text does (austin_reader.h). What version 4 tells of asyncio's tasks is
 * passed over. What comes after a damaged event cannot be found any more. */
#ifndef LT_MOJO_READER_H
#define LT_MOJO_READER_H

#include "formats/profile_reader.h"

extern const struct lt_input_format lt_mojo_input_format;

#endif
