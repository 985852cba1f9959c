/* SPDX-License-Identifier: Apache-2.0
 *
 * sys.modules['threading']._active: {ident: Thread}, and each Thread's _name. */
#include "config.h"

#include "collector/py_thread_names.h"

#include "collector/py_dict.h"
#include "collector/py_unicode.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    MODULE_DICT = 16, /* PyModuleObject.md_dict: right behind the object header in all versions */
    MAX_NAME_CHARS = 120
};

struct names {
    const struct lt_mem *mem;
    const struct lt_py_offsets *o;
    int (*each)(void *ctx, uint64_t ident, struct lt_str name);
    void *ctx;
    struct lt_buf text;
};

static int find_active(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr interp,
                       lt_addr *active)
{
    lt_addr modules, threading = 0, dict = 0;
    int err = lt_mem_read_u64(mem, interp + o->interp.modules, &modules);
    if (!err && modules)
        err = lt_py_dict_get(mem, o, modules, "threading", &threading);
    if (!err && threading)
        err = lt_mem_read_u64(mem, threading + MODULE_DICT, &dict);
    if (!err && dict)
        err = lt_py_dict_get(mem, o, dict, "_active", active);
    return err;
}

/* The hash of an int that is an address is the int itself. */
static int name_one(void *ctx, const struct lt_py_entry *entry)
{
    struct names *n = ctx;
    lt_addr name = 0, again = 0;
    lt_buf_clear(&n->text);
    if (lt_py_instance_get(n->mem, n->o, entry->value, "_name", &name) != 0 || !name ||
        lt_py_unicode_read(n->mem, n->o, name, MAX_NAME_CHARS, &n->text) != 0)
        return 0;
    if (lt_py_instance_get(n->mem, n->o, entry->value, "_name", &again) != 0 || again != name)
        return 0;
    return n->each(n->ctx, entry->hash, (struct lt_str){(const char *)n->text.data, n->text.len});
}

int lt_py_thread_names(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr interp,
                       lt_addr *active, int (*each)(void *ctx, uint64_t ident, struct lt_str name),
                       void *ctx)
{
    struct names n = {.mem = mem, .o = o, .each = each, .ctx = ctx};
    int err = *active ? 0 : find_active(mem, o, interp, active);
    if (!err && *active)
        err = lt_py_dict_each(mem, o, *active, name_one, &n);
    if (err == LT_ERR_FAULT || err == LT_ERR_CORRUPT)
        *active = 0; /* the module was loaded anew */
    lt_buf_release(&n.text);
    return err;
}
