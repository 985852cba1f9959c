/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreter's own types are static ones: a class of the program may be called "int", but it
 * has the flag of a type on the heap. */
#include "config.h"

#include "collector/py_types.h"

#include "formats/byte_buffer.h"
#include "formats/escape.h"
#include "formats/lt_error.h"

enum {
    FLAG_HEAP_TYPE = 1 << 9, /* Py_TPFLAGS_HEAPTYPE */
    NAME_MAX_BYTES = LT_PY_TYPE_NAME - 1,
    PIECE = 32 /* a read of a string that has no length: does not leave its page */
};

static const struct {
    const char *name;
    enum lt_py_kind kind;
} plain[] = {
    {"NoneType", LT_PY_NONE},
    {"ellipsis", LT_PY_ELLIPSIS},
    {"bool", LT_PY_BOOL},
    {"int", LT_PY_INT},
    {"float", LT_PY_FLOAT},
    {"str", LT_PY_STR},
    {"bytes", LT_PY_BYTES},
    {"list", LT_PY_LIST},
    {"tuple", LT_PY_TUPLE},
    {"dict", LT_PY_DICT},
    {"set", LT_PY_SET},
    {"frozenset", LT_PY_FROZENSET},
    {"cell", LT_PY_CELL},
    {"generator", LT_PY_GENERATOR},
    {"coroutine", LT_PY_GENERATOR},
    {"async_generator", LT_PY_GENERATOR},
    {"async_generator_asend", LT_PY_AWAITABLE},
    {"async_generator_athrow", LT_PY_AWAITABLE},
    {"coroutine_wrapper", LT_PY_AWAITABLE},
    {"anext_awaitable", LT_PY_AWAITABLE},
};

/* The C string at `addr`, cut to NAME_MAX_BYTES. */
static int read_string(const struct lt_mem *mem, lt_addr addr, char name[LT_PY_TYPE_NAME])
{
    size_t len = 0;
    memset(name, 0, NAME_MAX_BYTES + 1);
    while (len < NAME_MAX_BYTES) {
        size_t n = PIECE - (size_t)((addr + len) % PIECE);
        if (n > NAME_MAX_BYTES - len)
            n = NAME_MAX_BYTES - len;
        int err = lt_mem_read(mem, addr + len, name + len, n);
        if (err)
            return err;
        if (memchr(name + len, '\0', n))
            return 0;
        len += n;
    }
    return 0;
}

int lt_py_type_own_name(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr type,
                        char name[LT_PY_TYPE_NAME])
{
    lt_addr addr;
    int err = lt_mem_read_u64(mem, type + o->object.type_name, &addr);
    return err ? err : read_string(mem, addr, name);
}

int lt_py_kind_of(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr object,
                  enum lt_py_kind *kind, lt_addr *type)
{
    char name[LT_PY_TYPE_NAME];
    uint64_t flags;
    *kind = LT_PY_OTHER;
    int err = lt_mem_read_u64(mem, object + o->object.type, type);
    if (!err)
        err = lt_mem_read_u64(mem, *type + o->object.type_flags, &flags);
    if (err || (flags & FLAG_HEAP_TYPE))
        return err;
    err = lt_py_type_own_name(mem, o, *type, name);
    for (size_t i = 0; !err && i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (strcmp(name, plain[i].name) == 0)
            *kind = plain[i].kind;
    }
    return err;
}

int lt_py_type_name(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr type,
                    struct lt_buf *out)
{
    char name[LT_PY_TYPE_NAME];
    int err = lt_py_type_own_name(mem, o, type, name);
    return err ? err : lt_escape_text(out, (struct lt_str){name, strlen(name)}, 0);
}
