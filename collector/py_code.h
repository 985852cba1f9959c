/* SPDX-License-Identifier: Apache-2.0
 *
 * Code objects of one interpreter: read once, then known by address. Addresses are used again,
 * so a known code object is believed only after its identity has been compared in the same moment
 * as the stack that names it: first the fields that lie together (names, line table, and from 3.12
 * on co_version, which no two code objects share), and where there is no version the bytes of
 * the name too, because freed strings and code objects tend to come back at the same addresses. */
#ifndef LT_PY_CODE_H
#define LT_PY_CODE_H

#include "collector/py_offsets.h"
#include "formats/profile.h"

enum {
    LT_CODE_IDENTITY_MAX = 160, /* bytes of a code object that its identity takes, at the most */
    LT_CODE_NAME_IDENTITY = 64  /* bytes of the name's str object */
};

struct lt_py_code {
    lt_addr addr;
    uint32_t serial; /* unique for each code object that was ever read; never 0 */
    uint32_t wanted; /* the attempt for which copies of its identity were wanted last, */
    size_t identity_copy, name_copy; /* and their indices */
    uint32_t checked; /* the attempt in which its identity was last compared, and was the same; */
    uint64_t
        generation; /* that of the interpreters at that time: as long as no code object has been
                            made since, nothing else can lie at its address */
    bool replaced;  /* another code object has been found at its address */
    struct lt_py_code *next_replaced;
    lt_addr name_addr;
    bool name_lost;           /* cannot be read any more: the code object is gone */
    lt_addr instructions;     /* address of the first instruction (LT_INSTR_POINTER) */
    uint32_t first_traceable; /* instruction bytes before it belong to no finished frame */
    uint32_t first_line;
    uint32_t version;         /* co_version; 0: has none */
    struct lt_str name, file; /* into text */
    const uint8_t *linetable; /* into text */
    uint32_t linetable_len;
    char *text;
    uint8_t identity[LT_CODE_IDENTITY_MAX];
    uint8_t name_identity[LT_CODE_NAME_IDENTITY];
};

struct lt_py_codes;

int lt_py_codes_new(struct lt_py_codes **out, const struct lt_mem *mem,
                    const struct lt_py_offsets *offsets);
void lt_py_codes_free(struct lt_py_codes *codes);

/* What has to be copied from the target to check a code object at `addr`: *from, *len. */
void lt_py_codes_identity_range(const struct lt_py_codes *codes, lt_addr addr, lt_addr *from,
                                size_t *len);
/* Does the name's str object have to be copied as well (LT_CODE_NAME_IDENTITY bytes)? */
bool lt_py_codes_need_name(const struct lt_py_codes *codes);

/* The memory cannot be read: code objects whose names lay there are gone, though others may be where
 * they were. */
void lt_py_codes_lose(struct lt_py_codes *codes, lt_addr from, size_t len);

/* The code object known at this address, or NULL. Not yet checked. Valid until the cache is
 * cleared, even if it is replaced. */
struct lt_py_code *lt_py_codes_find(const struct lt_py_codes *codes, lt_addr addr);

/* Is it still the same, by these copies? name may be NULL if !need_name. */
bool lt_py_codes_same(const struct lt_py_codes *codes, const struct lt_py_code *code,
                      const uint8_t *identity, const uint8_t *name);

/* Reads it anew: several reads, for which the caller keeps the target still. Replaces what was
 * known at this address, which is marked as such. LT_ERR_CORRUPT when it is no plausible code object, LT_ERR_FAULT,
 * LT_ERR_NOMEM. */
int lt_py_codes_read(struct lt_py_codes *codes, lt_addr addr, struct lt_py_code **out);

/* How many are known: the caller clears the whole cache when that is too many for its taste. */
uint32_t lt_py_codes_count(const struct lt_py_codes *codes);
size_t lt_py_codes_bytes(const struct lt_py_codes *codes);
void lt_py_codes_clear(struct lt_py_codes *codes);

/* The byte offset of an instruction, from what the frame says. False when it lies outside. */
bool lt_py_code_offset(const struct lt_py_codes *codes, const struct lt_py_code *code,
                       uint64_t instr, uint32_t *offset);

/* The line of an instruction. 0 and *line (first_line where the table has none), or
 * LT_ERR_CORRUPT. */
int lt_py_code_line(const struct lt_py_codes *codes, const struct lt_py_code *code, uint32_t offset,
                    uint32_t *line);

#endif
