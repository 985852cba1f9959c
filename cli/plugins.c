/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading the registry for a command. */
#include "config.h"

#include "cli/plugins.h"

#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/say.h"
#include "formats/byte_buffer.h"

enum { MAX_FILES = 256 };

int lt_plugins_add(struct lt_plugins *p, const char *file)
{
    if (lt_array_grow(&p->files, &p->alloc, p->n + 1, sizeof(p->files[0]), MAX_FILES))
        return lt_say_usage("too many plug-ins: at most %d", MAX_FILES);
    p->files[p->n++] = file;
    return 0;
}

int lt_plugins_load(struct lt_plugins *p)
{
    char message[512] = "";
    if (lt_registry_new(&p->registry, getenv("LIVE_TRACE_EXPORTERS"), EXPORTERS_DIR, p->files, p->n,
                        message, sizeof(message)))
        return lt_say_failure("%s", message);
    return 0;
}

int lt_plugins_unknown(const struct lt_plugins *p, const char *name)
{
    const char *names[MAX_FILES];
    size_t n = 0;
    for (size_t i = 0; i < lt_registry_count(p->registry) && n < MAX_FILES; i++) {
        const struct lt_exporter_entry *entry = lt_registry_at(p->registry, i);
        if (!entry->exporter && entry->name && strcmp(entry->name, name) == 0)
            return lt_say_failure("%s is unavailable: %s", name, entry->unavailable);
        if (entry->exporter)
            names[n++] = entry->exporter->name;
    }
    const char *near = lt_nearest(name, names, n);
    if (near)
        return lt_say_usage("unknown format %s: did you mean %s?", name, near);
    return lt_say_usage("unknown format %s: see `live-trace formats`", name);
}

void lt_plugins_release(struct lt_plugins *p)
{
    lt_registry_free(p->registry);
    free(p->files);
    *p = (struct lt_plugins){0};
}
