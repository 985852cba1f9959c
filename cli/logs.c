/* SPDX-License-Identifier: Apache-2.0
 *
 * From arguments to files. */
#include "config.h"

#include "cli/logs.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/say.h"
#include "cli/trace_dir.h"
#include "formats/byte_buffer.h"
#include "formats/io.h"
#include "formats/profile_reader.h"

enum { MAX_LOGS = 1 << 16 };

/* What recordings are called; each may be gzipped. */
static const char *const endings[] = {".ltrace",    ".log",    ".folded", ".txt",
                                      ".collapsed", ".austin", ".mojo"};

static int keep(struct lt_logs *logs, const char *path)
{
    if (lt_array_grow(&logs->at, &logs->alloc, logs->n + 1, sizeof(logs->at[0]), MAX_LOGS))
        return lt_say_failure("too many files: at most %d", MAX_LOGS);
    logs->at[logs->n] = strdup(path);
    if (!logs->at[logs->n])
        return lt_say_failure("out of memory");
    logs->n++;
    return 0;
}

static int looks_like_recording(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    if (entry->d_name[0] == '.')
        return 0;
    if (len > 3 && strcmp(entry->d_name + len - 3, ".gz") == 0)
        len -= 3;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t end = strlen(endings[i]);
        if (len > end && strncmp(entry->d_name + len - end, endings[i], end) == 0)
            return 1;
    }
    return 0;
}

/* A recorder that has just begun, or was killed as early: no reason to fail for all others. */
bool lt_log_is_empty(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

/* What has the ending of a recording may be somebody's notes. What cannot be read is no such case: why is said where it
 * is opened for good. */
static bool is_foreign(const char *path)
{
    uint8_t head[LT_PROBE_BYTES];
    struct lt_input in;
    size_t len = 0;
    int64_t n = 1;
    if (lt_input_open(&in, path))
        return false;
    while (len < sizeof(head) && (n = in.read(in.ctx, head + len, sizeof(head) - len)) > 0)
        len += (size_t)n;
    in.close(in.ctx);
    return n >= 0 && !lt_input_format_find(head, len);
}

/* Nobody has named this file: what says nothing must not keep the others from being looked at. */
static int keep_found(struct lt_logs *logs, const char *path)
{
    if (lt_log_is_empty(path)) {
        lt_say("%s is empty: nothing was recorded yet, it is left out", path);
        return 0;
    }
    if (is_foreign(path)) {
        lt_say("%s is no recording that live-trace can read: it is left out", path);
        return 0;
    }
    return keep(logs, path);
}

static int add_folder(struct lt_logs *logs, const char *folder)
{
    struct dirent **entries;
    size_t before = logs->n;
    int status = 0;
    int n = scandir(folder, &entries, looks_like_recording, alphasort);
    if (n < 0)
        return lt_say_failure("cannot read %s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        char path[4096 + 256];
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (!status)
            status = keep_found(logs, path);
        free(entries[i]);
    }
    free(entries);
    if (!status && logs->n == before)
        return lt_say_failure(
            "no recording in %s: files that end in .ltrace, .log, .folded or .txt are read",
            folder);
    return status;
}

int lt_logs_add(struct lt_logs *logs, const char *argument)
{
    struct stat st;
    if (strcmp(argument, "-") == 0)
        return keep(logs, argument);
    if (stat(argument, &st) != 0)
        return lt_say_failure("cannot open %s: %s: name a trace, or a folder of traces", argument,
                              strerror(errno));
    return S_ISDIR(st.st_mode) ? add_folder(logs, argument) : keep(logs, argument);
}

int lt_logs_default(struct lt_logs *logs)
{
    struct lt_buf path = {0};
    if (logs->n)
        return 0;
    int status = lt_trace_newest(&path);
    if (!status)
        status = keep(logs, (const char *)path.data);
    lt_buf_release(&path);
    return status;
}

void lt_logs_release(struct lt_logs *logs)
{
    for (size_t i = 0; i < logs->n; i++)
        free(logs->at[i]);
    free(logs->at);
    *logs = (struct lt_logs){0};
}
