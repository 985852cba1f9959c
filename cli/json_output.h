/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON on standard output. */
#ifndef LT_JSON_OUTPUT_H
#define LT_JSON_OUTPUT_H

#include "formats/json_writer.h"

/* Initialises a writer to standard output. */
void lt_json_to_stdout(struct lt_json *j);
/* Ends the document with a line end; returns the exit status. */
int lt_json_end_stdout(struct lt_json *j);

#endif
