/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes and threads of all inputs. Those of different inputs are different ones unless host,
 * process id and thread id say that they are the same. */
#ifndef LT_THREAD_TABLE_H
#define LT_THREAD_TABLE_H

#include "analysis/selection.h"
#include "formats/profile.h"

struct lt_view_thread {
    uint32_t process; /* id of its process */
    uint32_t pid;     /* 0 unknown */
    uint64_t tid;
    const char *name, *process_name; /* "" unknown; live as long as the table */
    bool selected;                   /* by --thread and --process */
};

/* Where a local id comes from. */
struct lt_thread_origin {
    unsigned input;
    struct lt_str host;
};

struct lt_thread_table; /* opaque */

/* The selection is borrowed until free. */
int lt_thread_table_new(struct lt_thread_table **out, const struct lt_selection *selection);
void lt_thread_table_free(struct lt_thread_table *t);

/* `local` is the id in the input: what is left to tell by where process or thread ids are unknown.
 * The same thing again with another name: the later name counts. */
int lt_thread_table_process(struct lt_thread_table *t, const struct lt_thread_origin *origin,
                            uint32_t local, const struct lt_process_info *info, uint32_t *id);
int lt_thread_table_thread(struct lt_thread_table *t, const struct lt_thread_origin *origin,
                           uint32_t local, uint32_t process, const struct lt_thread_info *info,
                           uint32_t *id);

/* The inputs come from several hosts: processes are called NAME@HOST. Before the first process. */
void lt_thread_table_show_hosts(struct lt_thread_table *t);

/* From here on known names stay: the inputs are read a second time, and the names
 * of the first time are the better ones. */
void lt_thread_table_keep_names(struct lt_thread_table *t);

uint32_t lt_thread_table_count(const struct lt_thread_table *t); /* threads */
/* How many processes there are of those that --process wants. */
uint32_t lt_thread_table_processes(const struct lt_thread_table *t);
struct lt_view_thread lt_thread_table_get(const struct lt_thread_table *t, uint32_t id);

#endif
