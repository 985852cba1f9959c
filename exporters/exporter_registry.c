/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of outputs. A plug-in is code that runs with the user's rights, so only folders that
 * somebody configured by an absolute name are searched; and it may be older than this program, so
 * its struct is copied into one of today's size, with the members that it does not have as NULL. */
#include "config.h"

#include "exporters/exporter_registry.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/exporter_builtins.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

#define MAX_ENTRIES 1000

/* Sorted by name, one a line. */
/* clang-format off */
static const struct live_trace_exporter *const builtins[] = {
    &lt_exporter_callgrind,
    &lt_exporter_chrome,
    &lt_exporter_csv,
    &lt_exporter_firefox,
    &lt_exporter_flamechart,
    &lt_exporter_folded,
    &lt_exporter_heatmap,
    &lt_exporter_html,
    &lt_exporter_jsonl,
    &lt_exporter_log,
    &lt_exporter_pprof,
    &lt_exporter_pstats,
    &lt_exporter_slots,
    &lt_exporter_speedscope,
#ifdef HAVE_SQLITE
    &lt_exporter_sqlite,
#endif
    &lt_exporter_svg,
    &lt_exporter_text,
};
/* clang-format on */
#define N_BUILTINS (sizeof builtins / sizeof *builtins)

/* Built-in outputs whose library was not there. */
static const struct missing {
    const char *name, *why;
} missing[] = {
#ifndef HAVE_SQLITE
    {"sqlite", "the SQLite library was not there: install libsqlite3-dev and build again"},
#endif
    {NULL, NULL},
};

struct plugin {
    struct lt_exporter_entry entry;
    void *handle;                    /* dlopen */
    struct live_trace_exporter copy; /* of today's size */
    char *origin, *unavailable;
};

struct lt_registry {
    struct plugin **at;
    size_t n, alloc;
};

static void plugin_free(struct plugin *p)
{
    if (p->handle != NULL) {
        dlclose(p->handle);
    }
    free(p->origin);
    free(p->unavailable);
    free(p);
}

void lt_registry_free(struct lt_registry *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->n; i++) {
        plugin_free(r->at[i]);
    }
    free(r->at);
    free(r);
}

static bool is_name(const char *name)
{
    return name != NULL && name[0] != '\0' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name);
}

/* What is wrong with an exporter struct, or NULL. */
static const char *find_fault(const struct live_trace_exporter *e)
{
    const size_t least = offsetof(struct live_trace_exporter, close) + sizeof e->close;

    if (e->abi_version != LIVE_TRACE_EXPORTER_ABI) {
        return "it was built for another version of the exporter interface: rebuild it with this "
               "live-trace's live_trace_exporter.h";
    }
    if (e->struct_size < least) {
        return "its struct_size is too small: set it to sizeof(struct live_trace_exporter)";
    }
    if (!is_name(e->name)) {
        return "its name is missing or not of lower case letters, digits, _ and -";
    }
    if (e->description == NULL || e->open == NULL || e->close == NULL) {
        return "description, open or close is missing";
    }
    if (e->stack == NULL && e->sample == NULL) {
        return "stack or sample is missing: one of them is required";
    }
    return NULL;
}

/* The same for what it says of its options. */
static const char *find_option_fault(const struct live_trace_exporter *e)
{
    for (const struct live_trace_option_info *o = e->options; o != NULL && o->key != NULL; o++) {
        if (!is_name(o->key) || o->value == NULL || o->description == NULL) {
            return "an option lacks value or description, or its key is not of lower case "
                   "letters, digits, _ and -";
        }
    }
    return NULL;
}

/* Loads the plug-in's struct. NULL, or what is wrong, to be used at once. */
static const char *load(struct plugin *p, const char *path)
{
    const struct live_trace_exporter *e;
    const char *fault;

    p->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (p->handle == NULL) {
        return dlerror();
    }
    e = dlsym(p->handle, "live_trace_exporter");
    if (e == NULL) {
        return "it has no symbol live_trace_exporter: it is no exporter";
    }
    fault = find_fault(e);
    if (fault == NULL) {
        size_t size = e->struct_size < sizeof p->copy ? e->struct_size : sizeof p->copy;
        memcpy(&p->copy, e, size);
        fault = find_option_fault(&p->copy);
    }
    if (fault == NULL) {
        p->entry.exporter = &p->copy;
        p->entry.name = p->copy.name;
    }
    return fault;
}

static int append(struct lt_registry *r, struct plugin *p)
{
    int error = lt_array_grow(&r->at, &r->alloc, r->n + 1, sizeof *r->at, MAX_ENTRIES);

    if (error < 0) {
        plugin_free(p);
        return error;
    }
    r->at[r->n++] = p;
    return 0;
}

/* A new entry with its origin. */
static struct plugin *plugin_new(const char *origin)
{
    struct plugin *p = calloc(1, sizeof *p);

    if (p != NULL && (p->origin = strdup(origin)) == NULL) {
        free(p);
        p = NULL;
    }
    if (p != NULL) {
        p->entry.origin = p->origin;
    }
    return p;
}

static int add_builtin(struct lt_registry *r, const struct live_trace_exporter *exporter)
{
    struct plugin *p = plugin_new("built in");

    if (p == NULL) {
        return LT_ERR_NOMEM;
    }
    p->entry.exporter = exporter;
    p->entry.name = exporter->name;
    return append(r, p);
}

/* One that was left out: it is listed all the same. */
static int add_missing(struct lt_registry *r, const struct missing *m)
{
    struct plugin *p = plugin_new("not built in");

    if (p == NULL) {
        return LT_ERR_NOMEM;
    }
    p->entry.name = m->name;
    p->entry.unavailable = m->why;
    return append(r, p);
}

static int add_builtins(struct lt_registry *r)
{
    int error = 0;

    for (size_t i = 0; i < N_BUILTINS && error == 0; i++) {
        error = add_builtin(r, builtins[i]);
    }
    for (const struct missing *m = missing; m->name != NULL && error == 0; m++) {
        error = add_missing(r, m);
    }
    return error;
}

/* A plug-in found in a folder: what is wrong with it is kept for the list. */
static int add_found(struct lt_registry *r, const char *path)
{
    struct plugin *p = plugin_new(path);
    const char *fault;

    if (p == NULL) {
        return LT_ERR_NOMEM;
    }
    fault = load(p, path);
    if (fault == NULL && lt_registry_find(r, p->copy.name) != NULL) {
        p->entry.exporter = NULL;
        p->entry.name = NULL;
        fault = "its name is taken by another exporter: load it by --plugin to use it instead";
    }
    if (fault != NULL) {
        p->unavailable = strdup(fault);
        p->entry.unavailable = p->unavailable;
        if (p->unavailable == NULL) {
            plugin_free(p);
            return LT_ERR_NOMEM;
        }
    }
    return append(r, p);
}

/* A plug-in that the user named: it must work, and may take a built-in's place. */
static int add_named(struct lt_registry *r, const char *path, char *message, size_t message_size)
{
    struct lt_buf here = {0};
    struct plugin *p = plugin_new(path);
    const char *fault;
    int error = 0;

    if (p == NULL) {
        return LT_ERR_NOMEM;
    }
    if (strchr(path, '/') == NULL) { /* dlopen would look in the system's library folders */
        error = lt_buf_printf(&here, "./%s", path);
        if (error == 0) {
            error = lt_buf_put_u8(&here, '\0');
        }
    }
    if (error == 0) {
        fault = load(p, here.len > 0 ? (const char *)here.data : path);
        if (fault != NULL) {
            snprintf(message, message_size, "%s cannot be loaded: %s", path, fault);
            error = LT_ERR_USAGE;
        }
    }
    lt_buf_release(&here);
    if (error < 0) {
        plugin_free(p);
        return error;
    }
    return append(r, p);
}

static int is_plugin_name(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
}

static int add_folder(struct lt_registry *r, const char *folder)
{
    struct dirent **names = NULL;
    struct lt_buf path = {0};
    int n, error = 0;

    if (folder == NULL || folder[0] != '/') {
        return 0;
    }
    n = scandir(folder, &names, is_plugin_name, alphasort);
    for (int i = 0; i < n; i++) {
        lt_buf_clear(&path);
        if (error == 0) {
            error = lt_buf_printf(&path, "%s/%s", folder, names[i]->d_name);
        }
        if (error == 0) {
            error = lt_buf_put_u8(&path, '\0');
        }
        if (error == 0) {
            error = add_found(r, (const char *)path.data);
        }
        free(names[i]);
    }
    free(names);
    lt_buf_release(&path);
    return error;
}

static int add_search(struct lt_registry *r, const char *search)
{
    char *folders = strdup(search), *rest = folders, *folder;
    int error = folders != NULL ? 0 : LT_ERR_NOMEM;

    while (error == 0 && (folder = strsep(&rest, ":")) != NULL) {
        error = add_folder(r, folder);
    }
    free(folders);
    return error;
}

int lt_registry_new(struct lt_registry **out, const char *search, const char *configured,
                    const char *const *files, size_t n_files, char *message, size_t message_size)
{
    struct lt_registry *r = calloc(1, sizeof *r);
    int error = r != NULL ? 0 : LT_ERR_NOMEM;

    if (message_size > 0) {
        message[0] = '\0';
    }
    if (error == 0) {
        error = add_builtins(r);
    }
    if (error == 0 && search != NULL) {
        error = add_search(r, search);
    }
    if (error == 0) {
        error = add_folder(r, configured);
    }
    for (size_t i = 0; i < n_files && error == 0; i++) {
        error = add_named(r, files[i], message, message_size);
    }
    if (error < 0) {
        if (message_size > 0 && message[0] == '\0') {
            snprintf(message, message_size, "plug-ins cannot be loaded: %s", lt_error_text(error));
        }
        lt_registry_free(r);
        return error;
    }
    *out = r;
    return 0;
}

size_t lt_registry_count(const struct lt_registry *r)
{
    return r->n;
}

const struct lt_exporter_entry *lt_registry_at(const struct lt_registry *r, size_t i)
{
    return &r->at[i]->entry;
}

const struct live_trace_exporter *lt_registry_find(const struct lt_registry *r, const char *name)
{
    /* From the end: what the user named comes before what was found. */
    for (size_t i = r->n; i-- > 0;) {
        const struct live_trace_exporter *e = r->at[i]->entry.exporter;
        if (e != NULL && strcmp(e->name, name) == 0) {
            return e;
        }
    }
    return NULL;
}

static size_t matched_ending(const char *path, const char *extension)
{
    size_t len = strlen(path), ending = strlen(extension);

    if (ending == 0 || len < ending + 2 || path[len - ending - 1] != '.' ||
        path[len - ending - 2] == '/') {
        return 0;
    }
    return strcmp(path + len - ending, extension) == 0 ? ending : 0;
}

const struct live_trace_exporter *lt_registry_for_file(const struct lt_registry *r,
                                                       const char *path)
{
    const struct live_trace_exporter *best = NULL;
    size_t best_len = 0;

    for (size_t i = r->n; i-- > 0;) {
        const struct live_trace_exporter *e = r->at[i]->entry.exporter;
        size_t len = e != NULL && e->extension != NULL ? matched_ending(path, e->extension) : 0;
        if (len > best_len) {
            best = e;
            best_len = len;
        }
    }
    return best;
}
