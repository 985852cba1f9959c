/* SPDX-License-Identifier: Apache-2.0
 *
 * The outputs that there are: the built-in table, and plug-ins loaded from files.
 * To add a built-in output: a file here with one const struct, a line in exporter_registry.c. */
#ifndef LT_EXPORTER_REGISTRY_H
#define LT_EXPORTER_REGISTRY_H

#include "exporters/live_trace_exporter.h"

struct lt_exporter_entry {
    const struct live_trace_exporter *exporter; /* NULL if it is unavailable */
    const char *name;                           /* NULL if that could not be found out */
    const char *origin;                         /* "built in", or the plug-in's file */
    const char *unavailable;                    /* why not, or NULL */
};

struct lt_registry;

/* The built-ins, then each *.so of the folders in `search` (':' separated; may be NULL), then of
 * `configured` (may be NULL), then `files`. A relative or empty folder name is not searched. A file
 * in `files` that cannot be loaded is an error with a message; one in a folder is listed as
 * unavailable. A built-in's name cannot be taken by a plug-in from a folder; one from `files`
 * may. */
int lt_registry_new(struct lt_registry **out, const char *search, const char *configured,
                    const char *const *files, size_t n_files, char *message, size_t message_size);
void lt_registry_free(struct lt_registry *r);
size_t lt_registry_count(const struct lt_registry *r);
const struct lt_exporter_entry *lt_registry_at(const struct lt_registry *r, size_t i);
const struct live_trace_exporter *lt_registry_find(const struct lt_registry *r, const char *name);
/* By the ending of a file name ("x.speedscope.json", "x.folded"); longest match. NULL: none. */
const struct live_trace_exporter *lt_registry_for_file(const struct lt_registry *r,
                                                       const char *path);

#endif
