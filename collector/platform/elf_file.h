/* SPDX-License-Identifier: Apache-2.0
 *
 * What we need of an ELF file: where some symbols and sections lie once it is loaded. The file
 * belongs to somebody else: every offset and count in it is bounded before it is used. */
#ifndef LT_ELF_FILE_H
#define LT_ELF_FILE_H

#include <stddef.h>
#include <stdint.h>

struct lt_elf_load { /* the first loaded segment: how addresses in the file become addresses in
                        memory */
    uint64_t vaddr, offset;
};

struct lt_elf_names {
    const char *const *symbols; /* defined ones are looked for in .dynsym, then in .symtab */
    size_t n_symbols;
    uint64_t *values; /* out: an address in the file for each; 0: not there */
    const char *const *sections;
    size_t n_sections;
    uint64_t *section_addrs; /* out: likewise */
};

/* Reads the file behind fd. LT_ERR_NOT_OURS: no 64-bit ELF file of this machine's byte order.
 * LT_ERR_CORRUPT, LT_ERR_IO, LT_ERR_NOMEM. */
int lt_elf_look_up(int fd, struct lt_elf_names *names, struct lt_elf_load *load);

/* Notes where the wanted symbols lie that a table of symbols defines, wherever it was read from.
 * `strings` are the names; a NUL follows behind strings_len bytes. */
void lt_elf_match_symbols(struct lt_elf_names *wanted, const char *symbols, uint64_t symbols_len,
                          const char *strings, uint64_t strings_len);

#endif
