/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of austin's text: what austin up to 3 wrote, and what mojo2austin makes of MOJO files
 * (mojo_reader.h). A line is a stack sample of one thread, outermost frame first:
 *
 *     # austin: 4.0.0
 *     # interval: 20000
 *     # mode: wall
 *     P24397;T0:24399;/srv/app.py:<module>:7;/srv/app.py:work:6 20123
 *
 * The last number is the time since the thread's sample before, in microseconds; with `mode: full` it is
 * followed by idle state and memory, and with `mode: memory` there is memory alone, which is not read.
 * When a sample was taken is not said. What austin-compress has summed says its duration before its
 * first line, and does not say how many samples a line stands for. */
#ifndef LT_AUSTIN_READER_H
#define LT_AUSTIN_READER_H

#include "formats/profile_reader.h"

extern const struct lt_input_format lt_austin_input_format;

#endif
