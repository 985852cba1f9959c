/* SPDX-License-Identifier: Apache-2.0
 *
 * Beginning and ending a recording for a user. */
#include "config.h"

#include "cli/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/say.h"
#include "cli/trace_dir.h"
#include "collector/py_stack.h"
#include "formats/lt_error.h"

enum {
    OPT_OUT_FILE = 200,
    OPT_RATE,
    OPT_INTERVAL,
    OPT_DURATION,
    OPT_NO_CHILDREN,
    OPT_ASYNC,
    OPT_TAG,
    OPT_MAX_FRAMES,
    OPT_NO_SOURCE,
    OPT_FORCE,
    OPT_FSYNC,
    OPT_QUIET
};
enum { MAX_TAGS = 256 };

static const double MIN_RATE = 0.01, MAX_RATE = 10000, NS = 1e9, MAX_SECONDS = 1e9;

const struct lt_option lt_recording_option_table[] = {
    {"out-file", 'o', true, OPT_OUT_FILE},
    {"rate", 'r', true, OPT_RATE},
    {"interval", 'i', true, OPT_INTERVAL},
    {"duration", 'd', true, OPT_DURATION},
    {"no-children", 0, false, OPT_NO_CHILDREN},
    {"async", 0, false, OPT_ASYNC},
    {"tag", 0, true, OPT_TAG},
    {"max-frames", 0, true, OPT_MAX_FRAMES},
    {"no-source", 0, false, OPT_NO_SOURCE},
    {"force", 0, false, OPT_FORCE},
    {"fsync", 0, true, OPT_FSYNC},
    {"quiet", 'q', false, OPT_QUIET},
    {0},
};

const char lt_recording_help[] =
    "  -o, --out-file FILE   where the trace goes: strftime fields, %p the pid; - for\n"
    "                        standard output (a new file in the trace folder)\n"
    "  -r, --rate HZ         ticks a second, 0.01 to 10000 (100)\n"
    "  -i, --interval SEC    the same as seconds between ticks (0.01)\n"
    "  -d, --duration SEC    stop sampling after that; the program goes on\n"
    "  --no-children         only the first Python process\n"
    "  --tag K=V             a tag on all samples (again for more)\n"
    "  --async               each stack under its asyncio task (Python 3.14 on)\n"
    "  --max-frames N        only the N innermost frames of a stack, over a <cut>\n"
    "  --no-source           leave the text of source lines out of the trace\n"
    "  --force               read a Python newer than all known ones as the newest\n"
    "  --fsync SEC           on the disk so often, should the power go\n"
    "  -q, --quiet           no summary at the end\n";

void lt_recording_options_init(struct lt_recording_options *o)
{
    *o = (struct lt_recording_options){.interval_ns = 10000000};
}

static int number(const char *option, const char *text, double min, double max, double *value)
{
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(*value) || *value < min || *value > max) {
        lt_say_usage("--%s %s is out of range: give a number from %g to %g", option, text, min,
                     max);
        return -2;
    }
    return 0;
}

static int add_tag(struct lt_recording_options *o, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        lt_say_usage("--tag %s is no tag: write --tag KEY=VALUE", text);
        return -2;
    }
    if (lt_array_grow(&o->tags, &o->tags_alloc, o->n_tags + 1, sizeof(o->tags[0]), MAX_TAGS)) {
        lt_say_usage("too many tags: at most %d", MAX_TAGS);
        return -2;
    }
    o->tags[o->n_tags++] = (struct lt_tag){.key = {text, (size_t)(equals - text)},
                                           .value = {equals + 1, strlen(equals + 1)}};
    return 0;
}

int lt_recording_option(struct lt_recording_options *o, int id, const char *value)
{
    double number_value;
    int err;
    switch (id) {
    case OPT_OUT_FILE:
        o->out_file = value;
        return 0;
    case OPT_RATE:
        err = number("rate", value, MIN_RATE, MAX_RATE, &number_value);
        if (!err)
            o->interval_ns = (int64_t)(NS / number_value);
        return err;
    case OPT_INTERVAL:
        err = number("interval", value, 1 / MAX_RATE, 1 / MIN_RATE, &number_value);
        if (!err)
            o->interval_ns = (int64_t)(NS * number_value);
        return err;
    case OPT_DURATION:
        err = number("duration", value, 1e-3, MAX_SECONDS, &number_value);
        if (!err)
            o->duration_ns = (int64_t)(NS * number_value);
        return err;
    case OPT_NO_CHILDREN:
        o->no_children = true;
        return 0;
    case OPT_ASYNC:
        o->tasks = true;
        return 0;
    case OPT_TAG:
        return add_tag(o, value);
    case OPT_MAX_FRAMES:
        return lt_options_whole("max-frames", value, LT_STACK_MAX_FRAMES, &o->max_frames);
    case OPT_NO_SOURCE:
        o->no_source = true;
        return 0;
    case OPT_FORCE:
        o->force = true;
        return 0;
    case OPT_FSYNC:
        err = number("fsync", value, 0.01, MAX_SECONDS, &number_value);
        if (!err)
            o->sync_every_ns = (int64_t)(NS * number_value);
        return err;
    case OPT_QUIET:
        o->quiet = true;
        return 0;
    default:
        return 1;
    }
}

void lt_recording_options_release(struct lt_recording_options *o)
{
    free(o->tags);
    o->tags = NULL;
}

/* A file is on the disk only when its folder says so. Not every file system lets a folder be
 * synced: those keep the two together by themselves. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path + 1)) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

int lt_recording_begin(struct lt_recording_file *r, const struct lt_recording_options *o,
                       const char *command)
{
    int fd = -1;
    char cwd[4096] = "";
    *r = (struct lt_recording_file){
        .quiet = o->quiet,
        .keep_empty = o->out_file != NULL,
        .synced = o->sync_every_ns != 0,
    };
    int status = lt_trace_create(o->out_file, &fd, &r->path);
    if (status)
        return status;
    if (lt_output_fd(&r->output, fd, 1)) {
        close(fd);
        return lt_say_failure("out of memory");
    }
    if (r->synced)
        sync_folder((const char *)r->path.data);
    if (!getcwd(cwd, sizeof(cwd)))
        cwd[0] = '\0';
    const struct lt_recorder_config config = {
        .interval_ns = o->interval_ns,
        .duration_ns = o->duration_ns,
        .follow_children = !o->no_children,
        .tasks = o->tasks,
        .force_version = o->force,
        .source_lines = !o->no_source,
        .max_frames = o->max_frames,
        .command = {command, strlen(command)},
        .cwd = {cwd, strlen(cwd)},
        .tags = o->tags,
        .n_tags = o->n_tags,
        .output = &r->output,
        .sync_every_ns = o->sync_every_ns,
    };
    int err = lt_recorder_start(&r->recorder, &config);
    if (err) {
        r->output.close(r->output.ctx);
        return lt_say_failure("cannot record: %s", lt_error_text(err));
    }
    return 0;
}

static uint64_t failures(const struct lt_health *h)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < LT_FAIL_CAUSES; i++)
        sum += h->failed[i];
    return sum;
}

static void say_summary(const char *path, const struct lt_recorder_summary *s)
{
    char failed[64] = "";
    const struct lt_health *h = &s->health;
    if (failures(h))
        snprintf(failed, sizeof(failed), ", %" PRIu64 " failed", failures(h));
    lt_say(
        "%" PRIu64
        " stack samples of %u Python process%s in %.1f s%s, %.1f kB in %s: `live-trace analyze %s`",
        h->taken, s->processes, s->processes == 1 ? "" : "es", (double)s->duration_ns / NS, failed,
        (double)s->bytes / 1e3, path, path);
}

/* What is no file of its own (/dev/null, a pipe, a link) was not made by us. */
static void remove_file(const char *path)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
        unlink(path);
}

static void explain(struct lt_recording_file *r, int err, int error_errno)
{
    const char *path = (const char *)r->path.data;
    if (r->explained)
        return;
    r->explained = true;
    if (err == LT_ERR_IO && error_errno == EPIPE)
        lt_say("the reader of the trace is gone: the recording ended early");
    else if (err == LT_ERR_IO && error_errno == ENOENT)
        lt_say("%s was removed while it was written: the recording ended early", path);
    else if (err == LT_ERR_IO)
        lt_say("cannot write %s: %s: the recording ended early, what was written can be read", path,
               strerror(error_errno));
    else
        lt_say("the recording ended early: %s", lt_error_text(err));
}

void lt_recording_note_end(struct lt_recording_file *r)
{
    int error_errno;
    int err = lt_recorder_error(r->recorder, &error_errno);
    if (err)
        explain(r, err, error_errno);
}

void lt_recording_end(struct lt_recording_file *r, struct lt_recorder_summary *s)
{
    const char *path = (const char *)r->path.data;
    int err = lt_recorder_stop(r->recorder, s);
    lt_recorder_free(r->recorder);
    if (!err && r->synced && r->output.sync(r->output.ctx) != 0) {
        err = LT_ERR_IO;
        s->error_errno = errno;
    }
    if (r->output.close(r->output.ctx) != 0 && !err) {
        err = LT_ERR_IO;
        s->error_errno = errno;
    }
    if (!err && s->processes == 0 && !r->keep_empty)
        remove_file(path);
    if (err)
        explain(r, err, s->error_errno);
    else if (!r->quiet && s->processes)
        say_summary(path, s);
    lt_buf_release(&r->path);
}
