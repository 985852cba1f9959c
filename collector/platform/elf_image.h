/* SPDX-License-Identifier: Apache-2.0
 *
 * What the dynamic linker leaves of an ELF file in memory: enough for exported symbols, where the
 * file itself cannot be opened (deleted, or in a mount namespace that we may not enter). */
#ifndef LT_ELF_IMAGE_H
#define LT_ELF_IMAGE_H

#include "collector/mem.h"
#include "collector/platform/elf_file.h"

/* As lt_elf_look_up(), of the image whose file begins at `base`. Sections have no place there:
 * their addresses are 0. Also LT_ERR_FAULT, LT_ERR_NO_PROCESS, LT_ERR_PERMISSION. */
int lt_elf_image_look_up(const struct lt_mem *mem, lt_addr base, struct lt_elf_names *names,
                         struct lt_elf_load *load);

#endif
