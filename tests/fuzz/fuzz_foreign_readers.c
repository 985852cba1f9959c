/* SPDX-License-Identifier: Apache-2.0
 *
 * The readers of other profilers' files: whichever takes the bytes for its own. */
#include "config.h"

#include "tests/support/contract.h"
#include "tests/support/fuzz_target.h"

#include "formats/profile_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = size < LT_PROBE_BYTES ? size : LT_PROBE_BYTES;
    const struct lt_input_format *format = lt_input_format_find(data, len);
    if (format)
        lt_contract_read(format, data, size);
    return 0;
}
