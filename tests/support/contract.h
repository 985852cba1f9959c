/* SPDX-License-Identifier: Apache-2.0
 *
 * Holds a reader to formats/profile.h: ids that are defined before they are used, strings that are
 * there, counts and weights that make sense. What breaks the contract aborts, with a line that says
 * what it was. For readers that are given nonsense. */
#ifndef LT_CONTRACT_H
#define LT_CONTRACT_H

#include "formats/profile_reader.h"

/* Reads the bytes by this format, twice: sample by sample, and in totals. */
void lt_contract_read(const struct lt_input_format *format, const uint8_t *data, size_t size);

#endif
