/* SPDX-License-Identifier: Apache-2.0
 *
 * Which row a version gets, and which of what a target tells of itself is believed. */
#include "config.h"

#include "collector/py_offsets.h"

#include <string.h>

#include "formats/lt_error.h"
#include "tests/support/told_offsets.h"
#include "tests/support/unit_main.h"

enum { FIRST_TOLD = 13, NEWEST = 15 };

static uint32_t field(const struct lt_py_offsets *o, size_t at)
{
    uint32_t value;
    memcpy(&value, (const char *)o + at, sizeof(value));
    return value;
}

static void every_version_has_its_row(void)
{
    for (unsigned minor = 8; minor <= NEWEST; minor++) {
        uint8_t told[LT_TOLD_LEN] = {0};
        struct lt_py_offsets o;
        if (minor >= FIRST_TOLD)
            lt_tell_offsets(told, minor);
        CU_ASSERT_EQUAL_FATAL(lt_py_offsets_find(lt_told_hex(minor), told, LT_TOLD_LEN, false, &o),
                              0);
        CU_ASSERT_EQUAL(o.minor, minor);
        CU_ASSERT_EQUAL(o.interp.gc_collecting, lt_offsets_row(minor)->interp.gc_collecting);
        CU_ASSERT_EQUAL(o.gil.switch_number, lt_offsets_row(minor)->gil.switch_number);
        CU_ASSERT_EQUAL(o.interp.next_version, lt_offsets_row(minor)->interp.next_version);
        CU_ASSERT_EQUAL(o.tagged_refs, minor >= 14);
        CU_ASSERT(o.tstate.size > o.tstate.next && o.tstate.size % 8 == 0);
    }
}

static void what_is_told_wins(void)
{
    for (unsigned minor = FIRST_TOLD; minor <= NEWEST; minor++) {
        const struct lt_py_debug_layout *layout = lt_told_layout(minor);
        const struct lt_py_offsets *row = lt_offsets_row(minor);
        uint8_t told[LT_TOLD_LEN];
        struct lt_py_offsets o;
        lt_tell_offsets(told, minor);
        for (size_t i = 0; layout->fields[i].at; i++) {
            lt_told_put(told, layout->fields[i].at, lt_peek_u64(told, layout->fields[i].at) + 8);
            lt_told_put(told, layout->fields[i].size_at, 10000);
        }
        CU_ASSERT_EQUAL_FATAL(lt_py_offsets_find(lt_told_hex(minor), told, LT_TOLD_LEN, false, &o),
                              0);
        for (size_t i = 0; layout->fields[i].at; i++) {
            CU_ASSERT_EQUAL(field(&o, layout->fields[i].field),
                            field(row, layout->fields[i].field) + 8);
        }
        /* And takes along what lies beside it and is not told. */
        CU_ASSERT_EQUAL(o.tstate.datastack_top, row->tstate.datastack_top + 8);
        CU_ASSERT_EQUAL(o.code.firsttraceable, row->code.firsttraceable + 8);
        CU_ASSERT_EQUAL(o.code.version, row->code.version + 8);
        /* What lies far from all of it is not believed any more. */
        CU_ASSERT_EQUAL(o.interp.next_version, LT_NO_FIELD);
    }
}

static void nonsense_is_refused(void)
{
    for (unsigned minor = FIRST_TOLD; minor <= NEWEST; minor++) {
        const struct lt_py_debug_layout *layout = lt_told_layout(minor);
        uint8_t told[LT_TOLD_LEN];
        struct lt_py_offsets o;
        lt_tell_offsets(told, minor);
        CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(minor), told, layout->size, false, &o), 0);
        CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(minor), told, layout->size - 1u, false, &o),
                        LT_ERR_CORRUPT);
        CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(minor), told, 0, false, &o), LT_ERR_CORRUPT);
        told[0] = 'y';
        CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(minor), told, LT_TOLD_LEN, false, &o),
                        LT_ERR_CORRUPT);
        for (size_t i = 0; layout->fields[i].at; i++) {
            lt_tell_offsets(told, minor);
            lt_told_put(told, layout->fields[i].at, lt_peek_u64(told, layout->fields[i].size_at));
            CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(minor), told, LT_TOLD_LEN, false, &o),
                            LT_ERR_CORRUPT);
            lt_told_put(told, layout->fields[i].at, UINT64_MAX - 7);
            lt_told_put(told, layout->fields[i].size_at, UINT64_MAX);
            CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(minor), told, LT_TOLD_LEN, false, &o),
                            LT_ERR_CORRUPT);
        }
        const uint16_t computed[] = {layout->gil, layout->gil_locked, layout->gil_last_holder,
                                     layout->gc, layout->gc_collecting};
        for (size_t i = 0; i < sizeof(computed) / sizeof(computed[0]); i++) {
            lt_tell_offsets(told, minor);
            lt_told_put(told, computed[i], 1 << 20);
            CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(minor), told, LT_TOLD_LEN, false, &o),
                            LT_ERR_CORRUPT);
        }
        lt_tell_offsets(told, minor);
        lt_told_put(told, layout->fields[0].at,
                    layout->size - 8u); /* interpreters_head, in the layout */
        CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(minor), told, LT_TOLD_LEN, false, &o),
                        LT_ERR_CORRUPT);
    }
}

/* The layout of one version under the name of another one. */
static void mixed_up_layouts_are_refused(void)
{
    for (unsigned minor = FIRST_TOLD; minor <= NEWEST; minor++) {
        for (unsigned other = FIRST_TOLD; other <= NEWEST; other++) {
            uint8_t told[LT_TOLD_LEN];
            struct lt_py_offsets o;
            if (other == minor)
                continue;
            lt_tell_offsets(told, minor);
            CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(other), told, LT_TOLD_LEN, false, &o),
                            LT_ERR_CORRUPT);
            lt_told_put(told, LT_TOLD_VERSION, lt_told_hex(other));
            CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(other), told, LT_TOLD_LEN, false, &o),
                            LT_ERR_CORRUPT);
        }
    }
}

static void older_and_newer(void)
{
    uint8_t told[LT_TOLD_LEN];
    struct lt_py_offsets o;
    lt_tell_offsets(told, NEWEST);
    CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(7), told, LT_TOLD_LEN, false, &o),
                    LT_ERR_PY_VERSION);
    CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(7), told, LT_TOLD_LEN, true, &o),
                    LT_ERR_PY_VERSION);
    CU_ASSERT_EQUAL(lt_py_offsets_find(0x02071200, told, LT_TOLD_LEN, true, &o), LT_ERR_PY_VERSION);
    CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(NEWEST + 1), told, LT_TOLD_LEN, false, &o),
                    LT_ERR_PY_NEWER);
    CU_ASSERT_EQUAL(lt_py_offsets_find(0x04000000, told, LT_TOLD_LEN, false, &o), LT_ERR_PY_NEWER);
    /* Forced: as the newest that is known, if what it tells makes sense so. */
    lt_told_put(told, LT_TOLD_VERSION, lt_told_hex(NEWEST + 1));
    CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(NEWEST + 1), told, LT_TOLD_LEN, true, &o), 0);
    CU_ASSERT_EQUAL(o.minor, NEWEST);
    lt_tell_offsets(told, NEWEST - 1);
    lt_told_put(told, LT_TOLD_VERSION, lt_told_hex(NEWEST + 1));
    CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(NEWEST + 1), told, LT_TOLD_LEN, true, &o),
                    LT_ERR_CORRUPT);
    /* A known version is what it is. */
    lt_tell_offsets(told, FIRST_TOLD);
    CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(FIRST_TOLD), told, LT_TOLD_LEN, true, &o), 0);
    CU_ASSERT_EQUAL(o.minor, FIRST_TOLD);
}

static void free_threaded_is_refused(void)
{
    for (unsigned minor = FIRST_TOLD; minor <= NEWEST + 1; minor++) {
        uint8_t told[LT_TOLD_LEN];
        struct lt_py_offsets o;
        lt_tell_offsets(told, minor > NEWEST ? NEWEST : minor);
        lt_told_put(told, LT_TOLD_VERSION, lt_told_hex(minor));
        lt_told_put(told, LT_TOLD_FREE_THREADED, 1);
        CU_ASSERT_EQUAL(lt_py_offsets_find(lt_told_hex(minor), told, LT_TOLD_LEN, true, &o),
                        LT_ERR_PY_FREE_THREADED);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"every version has its row", every_version_has_its_row},
        {"what is told wins", what_is_told_wins},
        {"nonsense is refused", nonsense_is_refused},
        {"mixed up layouts are refused", mixed_up_layouts_are_refused},
        {"older and newer", older_and_newer},
        {"free-threaded is refused", free_threaded_is_refused},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("py_offsets", tests);
}
