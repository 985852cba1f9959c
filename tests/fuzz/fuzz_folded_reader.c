/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of folded stacks. */
#include "config.h"

#include "tests/support/contract.h"
#include "tests/support/fuzz_target.h"

#include "formats/folded_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lt_contract_read(&lt_folded_input_format, data, size);
    return 0;
}
