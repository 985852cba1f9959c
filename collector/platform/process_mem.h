/* SPDX-License-Identifier: Apache-2.0
 *
 * Another process's memory by process_vm_readv(2): it needs no stop, takes no signal, and
 * an address that has gone away is an error code. */
#ifndef LT_PROCESS_MEM_H
#define LT_PROCESS_MEM_H

#include <sys/types.h>

#include "collector/mem.h"

/* Fills *mem; nothing has to be released. */
void lt_process_mem(struct lt_mem *mem, pid_t pid);

#endif
