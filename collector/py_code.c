/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache of code objects: open addressing by address over an array of entries. */
#include "config.h"

#include "collector/py_code.h"

#include <stdlib.h>
#include <string.h>

#include "collector/py_linetable.h"
#include "collector/py_unicode.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    MAX_NAME_CHARS = 1024,
    MAX_FILE_CHARS = 4096,
    MAX_LINETABLE = 1 << 20,
    MAX_FIRST_LINE = 1 << 28,
    MAX_CODES = 1 << 20,
    FIRST_SLOTS = 1024
};

struct lt_py_codes {
    struct lt_mem mem;
    struct lt_py_offsets offsets;
    uint32_t identity_from, identity_len; /* in the code object */
    struct lt_py_code **slots;            /* by address; NULL free; a power of two of them */
    uint32_t n_slots, count;
    struct lt_py_code *replaced; /* may still be pointed at until the cache is cleared */
    uint32_t next_serial;
    size_t bytes;
    struct lt_buf text; /* scratch */
};

static uint32_t min_field(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The identity is one run of bytes: from the first of its fields to the end of the last. */
static void identity_fields(struct lt_py_codes *codes)
{
    const struct lt_py_offsets *o = &codes->offsets;
    const uint32_t fields[] = {o->code.filename,  o->code.name,    o->code.qualname,
                               o->code.linetable, o->code.version, o->code.firstlineno};
    uint32_t from = UINT32_MAX, to = 0;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i] == LT_NO_FIELD)
            continue;
        from = min_field(from, fields[i]);
        if (fields[i] + 8 > to)
            to = fields[i] + 8;
    }
    codes->identity_from = from;
    codes->identity_len = min_field(to - from, LT_CODE_IDENTITY_MAX);
}

int lt_py_codes_new(struct lt_py_codes **out, const struct lt_mem *mem,
                    const struct lt_py_offsets *offsets)
{
    struct lt_py_codes *codes = calloc(1, sizeof(*codes));
    if (!codes)
        return LT_ERR_NOMEM;
    codes->mem = *mem;
    codes->offsets = *offsets;
    codes->next_serial = 1;
    codes->n_slots = FIRST_SLOTS;
    codes->slots = calloc(codes->n_slots, sizeof(codes->slots[0]));
    if (!codes->slots) {
        free(codes);
        return LT_ERR_NOMEM;
    }
    identity_fields(codes);
    *out = codes;
    return 0;
}

static void free_code(struct lt_py_codes *codes, struct lt_py_code *code)
{
    codes->bytes -= sizeof(*code) + code->name.len + code->file.len + code->linetable_len;
    free(code->text);
    free(code);
}

void lt_py_codes_clear(struct lt_py_codes *codes)
{
    for (uint32_t i = 0; i < codes->n_slots; i++) {
        if (codes->slots[i])
            free_code(codes, codes->slots[i]);
        codes->slots[i] = NULL;
    }
    while (codes->replaced) {
        struct lt_py_code *next = codes->replaced->next_replaced;
        free_code(codes, codes->replaced);
        codes->replaced = next;
    }
    codes->count = 0;
}

void lt_py_codes_free(struct lt_py_codes *codes)
{
    if (!codes)
        return;
    lt_py_codes_clear(codes);
    lt_buf_release(&codes->text);
    free(codes->slots);
    free(codes);
}

uint32_t lt_py_codes_count(const struct lt_py_codes *codes)
{
    return codes->count;
}

size_t lt_py_codes_bytes(const struct lt_py_codes *codes)
{
    return codes->bytes + codes->n_slots * sizeof(codes->slots[0]);
}

/* The slot of an address: where it is, or where it would go. */
static uint32_t slot_of(struct lt_py_code *const *slots, uint32_t n_slots, lt_addr addr)
{
    uint64_t hash = (addr >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t i = (uint32_t)(hash >> 32) & (n_slots - 1);
    while (slots[i] && slots[i]->addr != addr)
        i = (i + 1) & (n_slots - 1);
    return i;
}

struct lt_py_code *lt_py_codes_find(const struct lt_py_codes *codes, lt_addr addr)
{
    return codes->slots[slot_of(codes->slots, codes->n_slots, addr)];
}

void lt_py_codes_lose(struct lt_py_codes *codes, lt_addr from, size_t len)
{
    for (uint32_t i = 0; i < codes->n_slots; i++) {
        struct lt_py_code *code = codes->slots[i];
        if (code && code->name_addr < from + len && from < code->name_addr + LT_CODE_NAME_IDENTITY)
            code->name_lost = true;
    }
}

static int grow_slots(struct lt_py_codes *codes)
{
    uint32_t n = codes->n_slots * 2;
    if (n > 2 * MAX_CODES)
        return LT_ERR_LIMIT;
    struct lt_py_code **slots = calloc(n, sizeof(slots[0]));
    if (!slots)
        return LT_ERR_NOMEM;
    for (uint32_t i = 0; i < codes->n_slots; i++) {
        if (codes->slots[i])
            slots[slot_of(slots, n, codes->slots[i]->addr)] = codes->slots[i];
    }
    free(codes->slots);
    codes->slots = slots;
    codes->n_slots = n;
    return 0;
}

/* Puts it into its slot, in place of what was known at the same address. */
static int insert(struct lt_py_codes *codes, struct lt_py_code *code)
{
    if ((codes->count + 1) * 2 > codes->n_slots) {
        int err = grow_slots(codes);
        if (err)
            return err;
    }
    uint32_t i = slot_of(codes->slots, codes->n_slots, code->addr);
    if (codes->slots[i]) {
        codes->slots[i]->replaced = true;
        codes->slots[i]->next_replaced = codes->replaced;
        codes->replaced = codes->slots[i];
    } else {
        codes->count++;
    }
    codes->slots[i] = code;
    return 0;
}

void lt_py_codes_identity_range(const struct lt_py_codes *codes, lt_addr addr, lt_addr *from,
                                size_t *len)
{
    *from = addr + codes->identity_from;
    *len = codes->identity_len;
}

bool lt_py_codes_need_name(const struct lt_py_codes *codes)
{
    return codes->offsets.code.version == LT_NO_FIELD;
}

bool lt_py_codes_same(const struct lt_py_codes *codes, const struct lt_py_code *code,
                      const uint8_t *identity, const uint8_t *name)
{
    if (memcmp(code->identity, identity, codes->identity_len) != 0)
        return false;
    if (!lt_py_codes_need_name(codes))
        return true;
    /* Without the reference count and the type in front: the count changes all the time. */
    size_t from = codes->offsets.unicode.length;
    return memcmp(code->name_identity + from, name + from, LT_CODE_NAME_IDENTITY - from) == 0;
}

/* Both parts of the identity as they are now. A name close to the end of its page may be shorter
 * than the copy; what cannot be read counts as zeros, in both copies that are compared. */
static int read_identity(struct lt_py_codes *codes, lt_addr addr, struct lt_py_code *code)
{
    lt_addr from;
    size_t len;
    lt_py_codes_identity_range(codes, addr, &from, &len);
    int err = lt_mem_read(&codes->mem, from, code->identity, len);
    if (err)
        return err;
    code->name_addr = lt_peek_u64(code->identity, codes->offsets.code.name - codes->identity_from);
    if (!lt_py_codes_need_name(codes))
        return 0;
    return lt_mem_read(&codes->mem, code->name_addr, code->name_identity, LT_CODE_NAME_IDENTITY);
}

static int read_linetable(struct lt_py_codes *codes, lt_addr addr)
{
    const struct lt_py_offsets *o = &codes->offsets;
    uint64_t len;
    int err = lt_mem_read_u64(&codes->mem, addr + o->bytes.size, &len);
    if (err)
        return err;
    if (len > MAX_LINETABLE)
        return LT_ERR_CORRUPT;
    err = lt_buf_reserve(&codes->text, len);
    if (err)
        return err;
    err = lt_mem_read(&codes->mem, addr + o->bytes.data, codes->text.data + codes->text.len, len);
    if (!err)
        codes->text.len += len;
    return err;
}

/* Name, file and line table into one allocation. */
static int read_text(struct lt_py_codes *codes, const uint8_t *object, struct lt_py_code *code)
{
    const struct lt_py_offsets *o = &codes->offsets;
    uint32_t name_field = o->code.qualname != LT_NO_FIELD ? o->code.qualname : o->code.name;

    lt_buf_clear(&codes->text);
    int err = lt_py_unicode_read(&codes->mem, o, lt_peek_u64(object, name_field), MAX_NAME_CHARS,
                                 &codes->text);
    if (err)
        return err;
    size_t name_len = codes->text.len;
    err = lt_py_unicode_read(&codes->mem, o, lt_peek_u64(object, o->code.filename), MAX_FILE_CHARS,
                             &codes->text);
    if (err)
        return err;
    size_t file_len = codes->text.len - name_len;
    err = read_linetable(codes, lt_peek_u64(object, o->code.linetable));
    if (err)
        return err;

    size_t len = codes->text.len;
    code->text = malloc(len ? len : 1);
    if (!code->text)
        return LT_ERR_NOMEM;
    memcpy(code->text, codes->text.data, len);
    code->name = (struct lt_str){code->text, name_len};
    code->file = (struct lt_str){code->text + name_len, file_len};
    code->linetable = (const uint8_t *)code->text + name_len + file_len;
    code->linetable_len = (uint32_t)(len - name_len - file_len);
    return 0;
}

static int read_fields(struct lt_py_codes *codes, lt_addr addr, struct lt_py_code *code)
{
    const struct lt_py_offsets *o = &codes->offsets;
    uint8_t object[512];
    if (o->code.size > sizeof(object))
        return LT_ERR_CORRUPT;
    int err = lt_mem_read(&codes->mem, addr, object, o->code.size);
    if (err)
        return err;
    code->addr = addr;
    code->first_line = lt_peek_u32(object, o->code.firstlineno);
    if (code->first_line > MAX_FIRST_LINE)
        return LT_ERR_CORRUPT;
    if (o->code.code_adaptive != LT_NO_FIELD)
        code->instructions = addr + o->code.code_adaptive;
    if (o->code.version != LT_NO_FIELD)
        code->version = lt_peek_u32(object, o->code.version);
    if (o->code.firsttraceable != LT_NO_FIELD)
        code->first_traceable = lt_peek_u32(object, o->code.firsttraceable) * 2;
    return read_text(codes, object, code);
}

int lt_py_codes_read(struct lt_py_codes *codes, lt_addr addr, struct lt_py_code **out)
{
    struct lt_py_code after = {0};
    struct lt_py_code *code = calloc(1, sizeof(*code));
    if (!code)
        return LT_ERR_NOMEM;

    int err = read_identity(codes, addr, code);
    if (!err)
        err = read_fields(codes, addr, code);
    if (!err)
        err = read_identity(codes, addr, &after);
    /* The same before and after: what was read in between belongs to it. */
    if (!err && !lt_py_codes_same(codes, code, after.identity, after.name_identity))
        err = LT_ERR_TORN;
    if (!err)
        err = insert(codes, code);
    if (err) {
        free(code->text);
        free(code);
        return err;
    }
    code->serial = codes->next_serial++;
    codes->bytes += sizeof(*code) + code->name.len + code->file.len + code->linetable_len;
    *out = code;
    return 0;
}

bool lt_py_code_offset(const struct lt_py_codes *codes, const struct lt_py_code *code,
                       uint64_t instr, uint32_t *offset)
{
    switch (codes->offsets.instr_kind) {
    case LT_INSTR_LASTI_BYTES:
        /* -1 before the first instruction. */
        *offset = (int32_t)instr < 0 ? 0 : (uint32_t)instr;
        return true;
    case LT_INSTR_LASTI_UNITS:
        *offset = (int32_t)instr < 0 ? 0 : (uint32_t)instr * 2;
        return true;
    case LT_INSTR_POINTER:
        break;
    }
    /* prev_instr starts one unit before the first instruction. */
    if (instr + 2 == code->instructions) {
        *offset = 0;
        return true;
    }
    if (instr < code->instructions || instr - code->instructions > UINT32_MAX / 2)
        return false;
    *offset = (uint32_t)(instr - code->instructions);
    return true;
}

int lt_py_code_line(const struct lt_py_codes *codes, const struct lt_py_code *code, uint32_t offset,
                    uint32_t *line)
{
    int err = lt_py_linetable_line(codes->offsets.linetable_kind, code->linetable,
                                   code->linetable_len, (int)code->first_line, offset, line);
    if (!err && *line == 0)
        *line = code->first_line;
    return err;
}
