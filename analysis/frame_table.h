/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames as they are to be shown: told apart by line, function, file or module, with
 * shortened paths, and with what the selection has to say about them. All of that is
 * worked out once for a recorded frame, however many samples have it. */
#ifndef LT_FRAME_TABLE_H
#define LT_FRAME_TABLE_H

#include "analysis/selection.h"
#include "formats/profile.h"

enum lt_frame_flags {
    LT_FRAME_MINE = 1 << 0,
    LT_FRAME_LIBRARY = 1 << 1,
    LT_FRAME_STDLIB = 1 << 2,
    LT_FRAME_THREAD = 1 << 3,
    LT_FRAME_PROCESS = 1 << 4,
    LT_FRAME_UNKNOWN = 1 << 5
};

struct lt_view_frame {
    const char *name, *file; /* live as long as the table; "" for no file */
    uint32_t line;           /* 0 unknown or not told apart */
    uint32_t first_line;     /* of the function; 0 unknown or not told apart */
    uint32_t flags;          /* enum lt_frame_flags */
};

/* A recorded frame in this view. */
struct lt_frame_use {
    uint32_t frame; /* id in the table */
    unsigned match; /* enum lt_match_flags of --focus and --ignore */
    bool hidden;    /* by --hide or --mine */
};

struct lt_frame_table; /* opaque */

/* The selection is borrowed until free. `by` is anything but LT_BY_DEFAULT. LT_ERR_USAGE with a
 * message, LT_ERR_NOMEM. */
int lt_frame_table_new(struct lt_frame_table **out, const struct lt_selection *selection,
                       enum lt_by by, char *message, size_t message_size);
void lt_frame_table_free(struct lt_frame_table *t);

/* A working folder of a recorded program. Only the very first shortens paths: with two, one short
 * name could stand for two files. */
int lt_frame_table_folder(struct lt_frame_table *t, struct lt_str folder);

int lt_frame_table_use(struct lt_frame_table *t, const struct lt_frame_info *info,
                       struct lt_frame_use *use);
/* A frame that no code stands behind: a thread, a process, a tag, "<unknown>". */
int lt_frame_table_named(struct lt_frame_table *t, struct lt_str name, uint32_t flags,
                         uint32_t *id);
/* enum lt_match_flags of such a frame; only --focus and --ignore concern it. */
unsigned lt_frame_table_match(const struct lt_frame_table *t, const char *name);
int lt_frame_table_add_source(struct lt_frame_table *t, struct lt_str file, uint32_t line,
                              struct lt_str text);

uint32_t lt_frame_table_count(const struct lt_frame_table *t);
/* By value; its strings live as long as the table. */
struct lt_view_frame lt_frame_table_get(const struct lt_frame_table *t, uint32_t id);
/* The stripped text of the frame's line as far as it is known by now, or "", and the column where it
 * began; tabs go to the next multiple of 8. */
const char *lt_frame_table_source(const struct lt_frame_table *t, uint32_t id, uint32_t *indent);

/* A text that lives as long as the table. */
int lt_frame_table_text(struct lt_frame_table *t, struct lt_str text, const char **out);

#endif
