/* SPDX-License-Identifier: Apache-2.0
 *
 * The one function of a fuzz target (tests/fuzz/fuzz_NAME.c). libFuzzer calls it with what it
 * makes up; fuzz_replay.c calls it with the files of tests/data/fuzz/fuzz_NAME, in every
 * `make check`. Returns 0; what is wrong aborts. */
#ifndef LT_FUZZ_TARGET_H
#define LT_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
