/* SPDX-License-Identifier: Apache-2.0
 *
 * Program headers, the dynamic section, its symbols. */
#include "config.h"

#include "collector/platform/elf_image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/lt_error.h"

enum {
    MAX_SEGMENTS = 64,
    MAX_DYNAMIC = 128,   /* entries of the dynamic section */
    MAX_TABLE = 16 << 20 /* bytes of the symbols, and of their names */
};

struct image {
    const struct lt_mem *mem;
    lt_addr base, bias;
    lt_addr dynamic, symbols, strings;
    uint64_t strings_len;
};

static int read_segments(struct image *image, struct lt_elf_load *load)
{
    Elf64_Ehdr header;
    Elf64_Phdr segments[MAX_SEGMENTS];
    const Elf64_Phdr *first = NULL;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    int err = lt_mem_read(image->mem, image->base, &header, sizeof(header));
    if (err)
        return err;
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64)
        return LT_ERR_NOT_OURS;
    if (header.e_phnum > MAX_SEGMENTS || header.e_phentsize != sizeof(segments[0]))
        return LT_ERR_CORRUPT;
    err = lt_mem_read(image->mem, image->base + header.e_phoff, segments,
                      header.e_phnum * sizeof(segments[0]));
    for (unsigned i = 0; !err && i < header.e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD && !first)
            first = &segments[i];
        if (segments[i].p_type == PT_DYNAMIC)
            image->dynamic = segments[i].p_vaddr;
    }
    if (err)
        return err;
    if (!first || !image->dynamic)
        return LT_ERR_CORRUPT;
    *load = (struct lt_elf_load){.vaddr = first->p_vaddr, .offset = first->p_offset};
    image->bias = image->base - first->p_vaddr / page * page;
    image->dynamic += image->bias;
    return 0;
}

/* glibc has made addresses of these offsets, other C libraries leave them as they are. */
static lt_addr in_memory(const struct image *image, uint64_t value)
{
    return value < image->bias ? value + image->bias : value;
}

static int read_dynamic(struct image *image)
{
    Elf64_Dyn entry = {.d_tag = DT_SONAME};
    int err = 0;
    for (size_t i = 0; !err && i < MAX_DYNAMIC && entry.d_tag != DT_NULL; i++) {
        err = lt_mem_read(image->mem, image->dynamic + i * sizeof(entry), &entry, sizeof(entry));
        if (!err && entry.d_tag == DT_SYMTAB)
            image->symbols = in_memory(image, entry.d_un.d_ptr);
        if (!err && entry.d_tag == DT_STRTAB)
            image->strings = in_memory(image, entry.d_un.d_ptr);
        if (!err && entry.d_tag == DT_STRSZ)
            image->strings_len = entry.d_un.d_val;
    }
    return err;
}

static int read_table(const struct image *image, lt_addr from, uint64_t len, char **table)
{
    *table = malloc((size_t)len + 1);
    if (!*table)
        return LT_ERR_NOMEM;
    (*table)[len] = '\0';
    return lt_mem_read(image->mem, from, *table, (size_t)len);
}

/* Nothing says how many symbols there are; every linker puts their names right behind them. */
static int look_through(const struct image *image, struct lt_elf_names *wanted)
{
    char *symbols = NULL, *strings = NULL;
    uint64_t len = image->strings - image->symbols;
    if (!image->symbols || image->strings <= image->symbols || len > MAX_TABLE ||
        image->strings_len > MAX_TABLE)
        return LT_ERR_CORRUPT;
    int err = read_table(image, image->symbols, len, &symbols);
    if (!err)
        err = read_table(image, image->strings, image->strings_len, &strings);
    if (!err)
        lt_elf_match_symbols(wanted, symbols, len, strings, image->strings_len);
    free(symbols);
    free(strings);
    return err;
}

int lt_elf_image_look_up(const struct lt_mem *mem, lt_addr base, struct lt_elf_names *names,
                         struct lt_elf_load *load)
{
    struct image image = {.mem = mem, .base = base};
    memset(names->values, 0, names->n_symbols * sizeof(names->values[0]));
    memset(names->section_addrs, 0, names->n_sections * sizeof(names->section_addrs[0]));
    int err = read_segments(&image, load);
    if (!err)
        err = read_dynamic(&image);
    return err ? err : look_through(&image, names);
}
