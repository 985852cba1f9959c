/* SPDX-License-Identifier: Apache-2.0
 *
 * Three caches over one pool of texts: what is known of a file, what a recorded frame
 * becomes, and the frames that are shown. */
#include "config.h"

#include "analysis/frame_table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/code_owner.h"
#include "analysis/frame_match.h"
#include "analysis/path_view.h"
#include "analysis/text_pool.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_FRAMES (UINT32_C(1) << 26)

/* What a file name becomes; by the id of its text. */
struct file_view {
    bool known;
    uint32_t flags;
    uint32_t shown, module; /* texts */
};

struct shown_frame {
    uint32_t name, file, line, first_line, flags;
    uint32_t recorded_file; /* where its source text is found */
};

struct source {
    uint32_t text, indent;
};

struct lt_frame_table {
    enum lt_by by;
    bool mine, full_paths;
    struct lt_code_owner *owner;
    struct lt_frame_match *match;
    struct lt_text_pool *texts;

    struct file_view *files;
    size_t n_files, files_alloc;

    struct lt_intern *recorded; /* (name, file, line, first line) -> use */
    struct lt_frame_use *uses;
    size_t uses_alloc;

    struct lt_intern *shown; /* (name, file, line, flags) -> frame */
    struct shown_frame *frames;
    size_t frames_alloc;

    struct lt_intern *source_keys; /* (file, line) -> source */
    struct source *sources;
    size_t sources_alloc;
};

int lt_frame_table_new(struct lt_frame_table **out, const struct lt_selection *selection,
                       enum lt_by by, char *message, size_t message_size)
{
    struct lt_frame_table *t = calloc(1, sizeof *t);
    int error;

    if (t == NULL) {
        return LT_ERR_NOMEM;
    }
    t->by = by;
    t->mine = selection->mine;
    t->full_paths = selection->full_paths;
    error = lt_frame_match_new(&t->match, selection, message, message_size);
    if (error < 0) {
        goto out;
    }
    error = lt_code_owner_new(&t->owner, &selection->my_code, &selection->not_my_code);
    if (error < 0) {
        goto out;
    }
    error = lt_text_pool_new(&t->texts);
    if (error < 0) {
        goto out;
    }
    error = lt_intern_new(&t->recorded, MAX_FRAMES, 0);
    if (error < 0) {
        goto out;
    }
    error = lt_intern_new(&t->shown, MAX_FRAMES, 0);
    if (error < 0) {
        goto out;
    }
    error = lt_intern_new(&t->source_keys, MAX_FRAMES, 0);
out:
    if (error < 0) {
        lt_frame_table_free(t);
    } else {
        *out = t;
    }
    return error;
}

void lt_frame_table_free(struct lt_frame_table *t)
{
    if (t == NULL) {
        return;
    }
    lt_intern_free(t->source_keys);
    lt_intern_free(t->shown);
    lt_intern_free(t->recorded);
    lt_text_pool_free(t->texts);
    lt_code_owner_free(t->owner);
    lt_frame_match_free(t->match);
    free(t->files);
    free(t->uses);
    free(t->frames);
    free(t->sources);
    free(t);
}

int lt_frame_table_folder(struct lt_frame_table *t, struct lt_str folder)
{
    bool added;
    int error = lt_code_owner_add_folder(t->owner, folder, &added);

    if (error == 0 && added) {
        /* Owners may be others now: forget what was worked out. */
        for (size_t i = 0; i < t->n_files; i++) {
            t->files[i].known = false;
        }
        lt_intern_clear(t->recorded);
    }
    return error;
}

static int find_file_view(struct lt_frame_table *t, uint32_t file, struct file_view *v)
{
    static const uint32_t owner_flags[] = {
        [LT_OWNER_UNKNOWN] = 0,
        [LT_OWNER_MINE] = LT_FRAME_MINE,
        [LT_OWNER_LIBRARY] = LT_FRAME_LIBRARY,
        [LT_OWNER_STDLIB] = LT_FRAME_STDLIB,
    };
    const char *path = lt_text_pool_get(t->texts, file);
    const char *brief = lt_path_short(path, lt_code_owner_folder(t->owner));
    struct lt_buf module = {0};
    int error;

    v->known = true;
    v->flags = owner_flags[lt_code_owner_of(t->owner, path)];
    error = lt_text_pool_id(t->texts, lt_str_of(t->full_paths ? path : brief), &v->shown);
    if (error == 0 && t->by == LT_BY_MODULE) {
        error = lt_path_module(brief, &module);
        if (error == 0) {
            error = lt_text_pool_id(t->texts, (struct lt_str){(char *)module.data, module.len},
                                    &v->module);
        }
        lt_buf_release(&module);
    }
    return error;
}

/* What is known of a file, worked out when it is first asked for. */
static int file_view(struct lt_frame_table *t, uint32_t file, struct file_view *v)
{
    int error = lt_array_grow(&t->files, &t->files_alloc, (size_t)file + 1, sizeof *t->files,
                              (size_t)UINT32_MAX);
    if (error < 0) {
        return error;
    }
    for (; t->n_files <= file; t->n_files++) {
        t->files[t->n_files].known = false;
    }
    if (!t->files[file].known) {
        error = find_file_view(t, file, v);
        if (error == 0) {
            t->files[file] = *v;
        }
        return error;
    }
    *v = t->files[file];
    return 0;
}

static int shown_id(struct lt_frame_table *t, const struct shown_frame *f, uint32_t *id)
{
    /* A function is one frame although the recordings may disagree on where it starts. */
    const uint32_t key[4] = {f->name, f->file, t->by == LT_BY_LINE ? f->line : 0, f->flags};
    bool is_new;
    int error;

    error = lt_array_grow(&t->frames, &t->frames_alloc, (size_t)lt_intern_count(t->shown) + 1,
                          sizeof *t->frames, MAX_FRAMES);
    if (error == 0) {
        error = lt_intern_id(t->shown, key, sizeof key, id, &is_new);
    }
    if (error == 0 && is_new) {
        t->frames[*id] = *f;
    }
    return error;
}

int lt_frame_table_named(struct lt_frame_table *t, struct lt_str name, uint32_t flags, uint32_t *id)
{
    struct shown_frame f = {.flags = flags};
    int error = lt_text_pool_id(t->texts, name, &f.name);

    return error < 0 ? error : shown_id(t, &f, id);
}

unsigned lt_frame_table_match(const struct lt_frame_table *t, const char *name)
{
    return lt_frame_match(t->match, name, "", "", 0) & ~(unsigned)LT_MATCH_HIDE;
}

/* The frame that stands for a recorded one, by what frames are told apart. */
static struct shown_frame shown_for(const struct lt_frame_table *t, const struct file_view *file,
                                    uint32_t name, uint32_t recorded_file,
                                    const struct lt_frame_info *info)
{
    struct shown_frame f = {
        .name = name,
        .file = file->shown,
        .flags = file->flags,
        .recorded_file = recorded_file,
    };

    if (t->by == LT_BY_LINE) {
        f.line = info->line;
        f.first_line = info->first_line;
    } else if (t->by == LT_BY_FUNCTION || recorded_file == 0) {
        f.line = f.first_line = info->first_line;
    } else if (t->by == LT_BY_FILE) {
        f.name = file->shown;
    } else if (t->by == LT_BY_MODULE) {
        f.name = file->module;
    }
    return f;
}

/* It says something of the stack, so it is nobody's code. */
static bool is_mark(const struct lt_frame_info *info)
{
    static const char cut[] = LT_FRAME_CUT, task[] = LT_FRAME_TASK;
    bool is_cut = info->name.len == strlen(cut) && memcmp(info->name.data, cut, strlen(cut)) == 0;
    bool is_task =
        info->name.len > strlen(task) && memcmp(info->name.data, task, strlen(task)) == 0;
    return info->file.len == 0 && info->line == 0 && (is_cut || is_task);
}

static int make_use(struct lt_frame_table *t, uint32_t name, uint32_t file,
                    const struct lt_frame_info *info, struct lt_frame_use *use)
{
    struct file_view v;
    int error = file_view(t, file, &v);

    if (error < 0) {
        return error;
    }
    struct shown_frame f = shown_for(t, &v, name, file, info);
    unsigned match = lt_frame_match(t->match, lt_text_pool_get(t->texts, name),
                                    lt_text_pool_get(t->texts, v.shown),
                                    lt_text_pool_get(t->texts, file), info->line);
    use->match = match & ~(unsigned)LT_MATCH_HIDE;
    use->hidden = (match & LT_MATCH_HIDE) != 0 ||
                  (t->mine && (v.flags & LT_FRAME_MINE) == 0 && !is_mark(info));
    return shown_id(t, &f, &use->frame);
}

int lt_frame_table_use(struct lt_frame_table *t, const struct lt_frame_info *info,
                       struct lt_frame_use *use)
{
    uint32_t key[4] = {0, 0, info->line, info->first_line};
    uint32_t id;
    bool is_new;
    int error;

    error = lt_text_pool_id(t->texts, info->name.len > 0 ? info->name : lt_str_of("<unnamed>"),
                            &key[0]);
    if (error == 0) {
        error = lt_text_pool_id(t->texts, info->file, &key[1]);
    }
    if (error < 0) {
        return error;
    }
    if (lt_intern_find(t->recorded, key, sizeof key, &id)) {
        *use = t->uses[id];
        return 0;
    }
    /* Made before it is named: an id without its use must not stay behind an error. */
    error = make_use(t, key[0], key[1], info, use);
    if (error == 0) {
        error = lt_array_grow(&t->uses, &t->uses_alloc, (size_t)lt_intern_count(t->recorded) + 1,
                              sizeof *t->uses, MAX_FRAMES);
    }
    if (error == 0) {
        error = lt_intern_id(t->recorded, key, sizeof key, &id, &is_new);
    }
    if (error == 0) {
        t->uses[id] = *use;
    }
    return error;
}

static struct lt_str strip(struct lt_str text)
{
    while (text.len > 0 && isspace((unsigned char)text.data[text.len - 1])) {
        text.len--;
    }
    while (text.len > 0 && isspace((unsigned char)text.data[0])) {
        text.data++;
        text.len--;
    }
    return text;
}

/* Columns of blanks before a text; tabs go to the next multiple of 8. */
static uint32_t indent_of(struct lt_str text)
{
    uint32_t column = 0;

    for (size_t i = 0; i < text.len && isspace((unsigned char)text.data[i]); i++) {
        column += text.data[i] == '\t' ? 8 - column % 8 : 1;
    }
    return column;
}

int lt_frame_table_add_source(struct lt_frame_table *t, struct lt_str file, uint32_t line,
                              struct lt_str text)
{
    struct source source = {.indent = indent_of(text)};
    uint32_t key[2] = {0, line}, id;
    int error;

    if (t->by != LT_BY_LINE && t->by != LT_BY_FUNCTION) {
        return 0;
    }
    error = lt_text_pool_id(t->texts, file, &key[0]);
    if (error == 0) {
        error = lt_text_pool_id(t->texts, strip(text), &source.text);
    }
    if (error == 0) {
        error = lt_array_grow(&t->sources, &t->sources_alloc,
                              (size_t)lt_intern_count(t->source_keys) + 1, sizeof *t->sources,
                              MAX_FRAMES);
    }
    if (error == 0) {
        error = lt_intern_id(t->source_keys, key, sizeof key, &id, NULL);
    }
    if (error == 0) {
        t->sources[id] = source;
    }
    return error;
}

uint32_t lt_frame_table_count(const struct lt_frame_table *t)
{
    return lt_intern_count(t->shown);
}

struct lt_view_frame lt_frame_table_get(const struct lt_frame_table *t, uint32_t id)
{
    const struct shown_frame *f = &t->frames[id];

    return (struct lt_view_frame){
        .name = lt_text_pool_get(t->texts, f->name),
        .file = lt_text_pool_get(t->texts, f->file),
        .line = f->line,
        .first_line = f->first_line,
        .flags = f->flags,
    };
}

const char *lt_frame_table_source(const struct lt_frame_table *t, uint32_t id, uint32_t *indent)
{
    const uint32_t key[2] = {t->frames[id].recorded_file, t->frames[id].line};
    uint32_t source;

    *indent = 0;
    if (!lt_intern_find(t->source_keys, key, sizeof key, &source)) {
        return "";
    }
    *indent = t->sources[source].indent;
    return lt_text_pool_get(t->texts, t->sources[source].text);
}

int lt_frame_table_text(struct lt_frame_table *t, struct lt_str text, const char **out)
{
    uint32_t id;
    int error = lt_text_pool_id(t->texts, text, &id);

    if (error == 0) {
        *out = lt_text_pool_get(t->texts, id);
    }
    return error;
}
