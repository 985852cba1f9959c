/* SPDX-License-Identifier: Apache-2.0
 *
 * The outputs that this call can use: the built-in ones, those of $LIVE_TRACE_EXPORTERS and the
 * configured folder, and the files of --plugin. */
#ifndef LT_PLUGINS_H
#define LT_PLUGINS_H

#include "exporters/exporter_registry.h"

struct lt_plugins {
    const char **files;
    size_t n, alloc;
    struct lt_registry *registry; /* after load */
};

int lt_plugins_add(struct lt_plugins *p,
                   const char *file); /* 0 or an exit status after a message */
int lt_plugins_load(struct lt_plugins *p);
/* Says that there is no such format, and which one may have been meant; returns the exit status. */
int lt_plugins_unknown(const struct lt_plugins *p, const char *name);
void lt_plugins_release(struct lt_plugins *p);

#endif
