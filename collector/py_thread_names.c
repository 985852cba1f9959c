/* SPDX-License-Identifier: Apache-2.0
 *
 * sys.modules['threading']._active: {ident: Thread}, and each Thread's _name. */
#include "config.h"

#include "collector/py_thread_names.h"

#include <stdlib.h>

#include "collector/py_dict.h"
#include "collector/py_numbers.h"
#include "collector/py_unicode.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum { MAX_NAME_CHARS = 120, MAX_SLOTS = 1 << 16 };

struct reading {
    struct lt_py_names *names;
    const struct lt_mem *mem;
    const struct lt_py_offsets *o;
    int (*each)(void *ctx, const struct lt_py_named *thread, struct lt_str name);
    void *ctx;
    struct lt_buf text, number;
};

static int remember(struct lt_py_names *names, lt_addr slot, lt_addr name)
{
    int err = lt_array_grow(&names->slots, &names->slots_alloc, names->n_slots + 1,
                            sizeof(names->slots[0]), MAX_SLOTS);
    if (!err)
        names->slots[names->n_slots++] = (struct lt_py_name_slot){slot, name};
    return err;
}

/* What a Thread says of itself; 0 before it runs. */
static pid_t native_id(struct reading *r, lt_addr thread)
{
    lt_addr slot, number;
    lt_buf_clear(&r->number);
    if (lt_py_instance_slot(r->mem, r->o, thread, "_native_id", &slot) != 0 || !slot ||
        lt_mem_read_u64(r->mem, slot, &number) != 0 ||
        lt_py_int_text(r->mem, r->o, number, &r->number) != 0 || lt_buf_put_u8(&r->number, 0) != 0)
        return 0;
    return (pid_t)strtol((const char *)r->number.data, NULL, 10);
}

/* The hash of an int that is an address is the int itself. */
static int name_one(void *ctx, const struct lt_py_entry *entry)
{
    struct reading *r = ctx;
    const struct lt_py_named thread = {entry->hash, native_id(r, entry->value)};
    lt_addr slot, name, again;
    lt_buf_clear(&r->text);
    if (lt_py_instance_slot(r->mem, r->o, entry->value, "_name", &slot) != 0 || !slot ||
        lt_mem_read_u64(r->mem, slot, &name) != 0 ||
        lt_py_unicode_read(r->mem, r->o, name, MAX_NAME_CHARS, &r->text) != 0 ||
        lt_mem_read_u64(r->mem, slot, &again) != 0 || again != name)
        return 0;
    int err = remember(r->names, slot, name);
    return err ? err
               : r->each(r->ctx, &thread, (struct lt_str){(const char *)r->text.data, r->text.len});
}

int lt_py_names_read(struct lt_py_names *names, const struct lt_mem *mem,
                     const struct lt_py_offsets *o, lt_addr interp,
                     int (*each)(void *ctx, const struct lt_py_named *thread, struct lt_str name),
                     void *ctx)
{
    struct reading r = {.names = names, .mem = mem, .o = o, .each = each, .ctx = ctx};
    int err = names->active
                  ? 0
                  : lt_py_module_global(mem, o, interp, "threading", "_active", &names->active);
    names->n_slots = 0;
    if (!err && names->active)
        err = lt_py_dict_each(mem, o, names->active, name_one, &r);
    if (err == LT_ERR_FAULT || err == LT_ERR_CORRUPT)
        names->active = 0; /* the module was loaded anew */
    lt_buf_release(&r.text);
    lt_buf_release(&r.number);
    return err;
}

bool lt_py_names_changed(const struct lt_py_names *names, const struct lt_mem *mem,
                         struct lt_copies *copies)
{
    size_t copy;
    lt_copies_clear(copies);
    for (size_t i = 0; i < names->n_slots; i++) {
        if (lt_copies_want(copies, names->slots[i].slot, sizeof(lt_addr), &copy) != 0)
            return true;
    }
    if (lt_copies_fetch(copies, mem) != 0)
        return true;
    for (size_t i = 0; i < names->n_slots; i++) {
        if (lt_peek_u64(lt_copies_at(copies, i), 0) != names->slots[i].name)
            return true;
    }
    return false;
}

void lt_py_names_release(struct lt_py_names *names)
{
    free(names->slots);
    *names = (struct lt_py_names){0};
}
