/* SPDX-License-Identifier: Apache-2.0
 *
 * The trace reader. Random changes never get past the checksums, so the mutator takes the file
 * apart half of the time, changes what one block has in it, and puts the file together again. */
#include "config.h"

#include "tests/support/contract.h"
#include "tests/support/fuzz_target.h"

#include <stdlib.h>
#include <string.h>

#include "formats/block_reader.h"
#include "formats/trace_reader.h"
#include "formats/trace_writer.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lt_contract_read(&lt_trace_input_format, data, size);
    return 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION

/* libFuzzer's own changes of one payload, which stays as it was where it is too long for that. */
static int write_changed(struct lt_block_writer *blocks, enum lt_block_type type,
                         struct lt_str payload)
{
    uint8_t changed[4096];
    if (payload.len > sizeof(changed) / 2)
        return lt_block_writer_block(blocks, type, (const uint8_t *)payload.data, payload.len);
    if (payload.len)
        memcpy(changed, payload.data, payload.len);
    size_t len = LLVMFuzzerMutate(changed, payload.len, sizeof(changed));
    return lt_block_writer_block(blocks, type, changed, len);
}

/* Copies the blocks of a trace, the chosen one changed. */
static int copy_blocks(struct lt_input *in, struct lt_output *out, unsigned chosen)
{
    struct lt_block_reader reader;
    struct lt_inflater *inflater = NULL;
    struct lt_block_writer *blocks = NULL;
    struct lt_block block;
    struct lt_str payload;
    lt_block_reader_init(&reader, in);
    int err = lt_inflater_new(&inflater);
    if (!err)
        err = lt_block_writer_new(&blocks, out, 1);
    for (unsigned i = 0; !err && lt_block_reader_next(&reader, &block) == 1; i++) {
        const struct lt_str stored = {(const char *)block.stored, block.stored_len};
        if (block.is_header || lt_inflater_payload(inflater, block.deflated, stored, &payload))
            continue;
        err = i == chosen ? write_changed(blocks, block.type, payload)
                          : lt_block_writer_block(blocks, block.type, (const uint8_t *)payload.data,
                                                  payload.len);
    }
    lt_block_writer_free(blocks);
    lt_inflater_free(inflater);
    lt_block_reader_release(&reader);
    return err;
}

static unsigned count_blocks(const uint8_t *data, size_t size)
{
    struct lt_block_reader reader;
    struct lt_block block;
    struct lt_input in;
    unsigned count = 0;
    if (lt_input_memory(&in, data, size))
        return 0;
    lt_block_reader_init(&reader, &in);
    while (lt_block_reader_next(&reader, &block) == 1)
        count++;
    lt_block_reader_release(&reader);
    in.close(in.ctx);
    return count;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    unsigned count = seed % 2 ? count_blocks(data, size) : 0;
    struct lt_buf made = {0};
    struct lt_input in;
    struct lt_output out;
    if (count == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    if (lt_input_memory(&in, data, size) || lt_output_buf(&out, &made))
        abort();
    if (copy_blocks(&in, &out, seed / 2 % count) == 0 && made.len > 0 && made.len <= max_size) {
        size = made.len;
        memcpy(data, made.data, made.len);
    }
    out.close(out.ctx);
    in.close(in.ctx);
    lt_buf_release(&made);
    return size;
}

#endif
