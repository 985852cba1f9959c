/* SPDX-License-Identifier: Apache-2.0
 *
 * A small, suspicious reader of ELF symbol tables. */
#include "config.h"

#include "collector/platform/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/lt_error.h"

enum {
    MAX_HEADERS = 1 << 12,
    MAX_TABLE = 16 << 20 /* of one symbol or string table */
};

struct elf {
    int fd;
    Elf64_Ehdr header;
    Elf64_Shdr *sections;
    char *names; /* of the sections */
    size_t names_len;
};

static int read_at(int fd, void *into, size_t len, uint64_t offset)
{
    char *at = into;
    while (len > 0) {
        if (offset > INT64_MAX - len)
            return LT_ERR_CORRUPT;
        ssize_t n = pread(fd, at, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return LT_ERR_IO;
        if (n == 0)
            return LT_ERR_CORRUPT;
        at += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* A piece of the file, with a NUL behind it. */
static int read_table(int fd, uint64_t offset, uint64_t len, char **table)
{
    if (len > MAX_TABLE)
        return LT_ERR_CORRUPT;
    *table = malloc((size_t)len + 1);
    if (!*table)
        return LT_ERR_NOMEM;
    int err = read_at(fd, *table, (size_t)len, offset);
    if (err) {
        free(*table);
        *table = NULL;
        return err;
    }
    (*table)[len] = '\0';
    return 0;
}

static int read_header(struct elf *e)
{
    int err = read_at(e->fd, &e->header, sizeof(e->header), 0);
    if (err == LT_ERR_IO)
        return err;
    const uint16_t one = 1;
    uint8_t order = *(const uint8_t *)&one ? ELFDATA2LSB : ELFDATA2MSB;
    if (err || memcmp(e->header.e_ident, ELFMAG, SELFMAG) != 0 ||
        e->header.e_ident[EI_CLASS] != ELFCLASS64 || e->header.e_ident[EI_DATA] != order)
        return LT_ERR_NOT_OURS;
    return 0;
}

static int find_load(const struct elf *e, struct lt_elf_load *load)
{
    for (unsigned i = 0; i < e->header.e_phnum && i < MAX_HEADERS; i++) {
        Elf64_Phdr segment;
        int err = read_at(e->fd, &segment, sizeof(segment),
                          e->header.e_phoff + (uint64_t)i * sizeof(segment));
        if (err)
            return err;
        if (segment.p_type == PT_LOAD) {
            load->vaddr = segment.p_vaddr;
            load->offset = segment.p_offset;
            return 0;
        }
    }
    return LT_ERR_CORRUPT;
}

static int read_sections(struct elf *e)
{
    size_t n = e->header.e_shnum;
    char *table = NULL;
    if (n == 0 || n > MAX_HEADERS || e->header.e_shentsize != sizeof(Elf64_Shdr) ||
        e->header.e_shstrndx >= n)
        return LT_ERR_CORRUPT;
    int err = read_table(e->fd, e->header.e_shoff, n * sizeof(Elf64_Shdr), &table);
    if (err)
        return err;
    e->sections = (Elf64_Shdr *)(void *)table;
    const Elf64_Shdr *names = &e->sections[e->header.e_shstrndx];
    err = read_table(e->fd, names->sh_offset, names->sh_size, &e->names);
    e->names_len = err ? 0 : (size_t)names->sh_size;
    return err;
}

static void match_symbol(struct lt_elf_names *wanted, const char *name, uint64_t value)
{
    for (size_t i = 0; i < wanted->n_symbols; i++) {
        if (!wanted->values[i] && strcmp(wanted->symbols[i], name) == 0)
            wanted->values[i] = value;
    }
}

void lt_elf_match_symbols(struct lt_elf_names *wanted, const char *symbols, uint64_t symbols_len,
                          const char *strings, uint64_t strings_len)
{
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= symbols_len; at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        memcpy(&symbol, symbols + at, sizeof(symbol));
        if (symbol.st_shndx != SHN_UNDEF && symbol.st_name < strings_len)
            match_symbol(wanted, strings + symbol.st_name, symbol.st_value);
    }
}

static int look_through(const struct elf *e, const Elf64_Shdr *section, struct lt_elf_names *wanted)
{
    char *symbols = NULL, *strings = NULL;
    if (section->sh_link >= e->header.e_shnum || section->sh_entsize != sizeof(Elf64_Sym))
        return LT_ERR_CORRUPT;
    const Elf64_Shdr *string_section = &e->sections[section->sh_link];
    int err = read_table(e->fd, section->sh_offset, section->sh_size, &symbols);
    if (!err)
        err = read_table(e->fd, string_section->sh_offset, string_section->sh_size, &strings);
    if (!err)
        lt_elf_match_symbols(wanted, symbols, section->sh_size, strings, string_section->sh_size);
    free(symbols);
    free(strings);
    return err;
}

static int look_up_type(const struct elf *e, uint32_t type, struct lt_elf_names *wanted)
{
    int err = 0;
    for (unsigned i = 0; !err && i < e->header.e_shnum; i++) {
        if (e->sections[i].sh_type == type)
            err = look_through(e, &e->sections[i], wanted);
    }
    return err;
}

static void find_sections(const struct elf *e, struct lt_elf_names *wanted)
{
    for (unsigned i = 0; i < e->header.e_shnum; i++) {
        for (size_t j = 0; e->sections[i].sh_name < e->names_len && j < wanted->n_sections; j++) {
            if (strcmp(e->names + e->sections[i].sh_name, wanted->sections[j]) == 0)
                wanted->section_addrs[j] = e->sections[i].sh_addr;
        }
    }
}

int lt_elf_look_up(int fd, struct lt_elf_names *names, struct lt_elf_load *load)
{
    struct elf e = {.fd = fd};
    memset(names->values, 0, names->n_symbols * sizeof(names->values[0]));
    memset(names->section_addrs, 0, names->n_sections * sizeof(names->section_addrs[0]));
    int err = read_header(&e);
    if (!err)
        err = find_load(&e, load);
    if (!err)
        err = read_sections(&e);
    if (!err) {
        find_sections(&e, names);
        err = look_up_type(&e, SHT_DYNSYM, names);
    }
    /* Most files need no second look: what is exported is what we want. */
    if (!err && names->n_symbols && !names->values[0])
        err = look_up_type(&e, SHT_SYMTAB, names);
    free(e.sections);
    free(e.names);
    return err;
}
