/* SPDX-License-Identifier: Apache-2.0
 *
 * Files may have colons in their names, lines and functions have none: the last ones count. */
#include "config.h"

#include "formats/frame_text.h"

#include <string.h>

#include "formats/text_scan.h"

void lt_frame_text_place(struct lt_str place, struct lt_frame_info *info)
{
    size_t colon;
    uint64_t line;
    info->file = place;
    if (lt_text_find_last(place, ":", &colon) && colon > 0 &&
        lt_text_number(lt_text_from(place, colon + 1), UINT32_MAX, &line)) {
        info->file = lt_text_until(place, colon);
        info->line = (uint32_t)line;
    }
}

void lt_frame_text_place_first(struct lt_str text, struct lt_frame_info *info)
{
    size_t colon;
    *info = (struct lt_frame_info){0};
    lt_frame_text_place(text, info);
    if (info->line > 0 && lt_text_find_last(info->file, ":", &colon) && colon > 0) {
        info->name = lt_text_from(info->file, colon + 1);
        info->file = lt_text_until(info->file, colon);
    } else {
        *info = (struct lt_frame_info){.name = text};
    }
}

/* Names of threads have brackets too: the last ones count. */
bool lt_frame_text_root(struct lt_str frame, const char *what, uint64_t max, struct lt_str *name,
                        uint64_t *number)
{
    size_t at;
    if (!lt_text_starts(frame, what) || frame.data[frame.len - 1] != ')')
        return false;
    if (!lt_text_find_last(frame, " (", &at) || at < strlen(what))
        return false;
    struct lt_str inside = lt_text_from(lt_text_until(frame, frame.len - 1), at + 2);
    if (!lt_text_number(inside, max, number))
        return false;
    *name = lt_text_from(lt_text_until(frame, at), strlen(what));
    if (name->len > 0) {
        if (name->data[0] != ' ')
            return false;
        *name = lt_text_from(*name, 1);
    }
    return true;
}
