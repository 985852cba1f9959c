/* SPDX-License-Identifier: Apache-2.0
 *
 * From a reader's events to selected stacks: a view is a handler (formats/profile.h) that knows the
 * selection and calls a sink for each sample that it keeps, with ids that hold
 * for all segments of all inputs. What the selection says about a frame or a stack is worked
 * out when that is defined, so a sample costs a few look-ups. */
#ifndef LT_VIEW_H
#define LT_VIEW_H

#include "analysis/frame_table.h"
#include "analysis/selection.h"
#include "analysis/stack_tree.h"
#include "analysis/thread_table.h"
#include "formats/profile.h"

/* Deeper stacks are shown as "<unknown>". */
#define LT_VIEW_MAX_DEPTH 65536

struct lt_view_tag {
    const char *key, *value;
};

struct lt_view_sample {
    uint32_t thread; /* of the thread table */
    uint32_t node;   /* of the stack tree; its frames are of the frame table. Never 0 */
    int64_t time_ns; /* -1 unknown */
    uint64_t count;
    int64_t weight_ns; /* not negative; the sum over all samples fits */
    uint32_t state;    /* enum lt_state_flags */
    uint32_t n_tags;
    const struct lt_view_tag *tags;
};

struct lt_view_config {
    const struct lt_selection *selection; /* borrowed until free */
    enum lt_by by;                        /* not LT_BY_DEFAULT */
    bool drop_idle;                       /* leave out stacks that are known to wait */
    void *ctx;
    /* The head of an input, before its first sample. May be NULL. */
    int (*meta)(void *ctx, const struct lt_meta *meta);
    int (*sample)(void *ctx, const struct lt_view_sample *sample);
};

/* From `from_ns` on and before `to_ns`, both in the time of the samples that come out. */
struct lt_view_window {
    int64_t from_ns, to_ns;
};

struct lt_view; /* opaque */

int lt_view_new(struct lt_view **out, const struct lt_view_config *config, char *message,
                size_t message_size);
void lt_view_free(struct lt_view *v);

/* NULL: all times, also unknown ones. `totals_inside`: totals, which have no time, are of the window
 * already. */
void lt_view_set_window(struct lt_view *v, const struct lt_view_window *window, bool totals_inside);

/* What follows comes from input number `input`. */
void lt_view_begin_input(struct lt_view *v, unsigned input);
/* Added to the times of this input; may be called from the meta callback. */
void lt_view_set_offset(struct lt_view *v, int64_t offset_ns);

/* Pass it to lt_profile_read(), once for each input. */
struct lt_profile_handler lt_view_handler(struct lt_view *v);
/* A handler that learns the names of processes and threads, and source lines: for a first pass over
 * inputs that are read again. Names that it has seen stay. */
struct lt_profile_handler lt_view_survey_handler(struct lt_view *v);
void lt_view_end_survey(struct lt_view *v);

/* Does the selection leave this frame of the current segment out of its stacks? */
bool lt_view_hides_frame(const struct lt_view *v, uint32_t id);

/* Between segments: no node that came out is used any more. */
int lt_view_forget_stacks(struct lt_view *v);

struct lt_frame_table *lt_view_frames(struct lt_view *v);
struct lt_stack_tree *lt_view_stacks(struct lt_view *v);
struct lt_thread_table *lt_view_threads(struct lt_view *v);

struct lt_view_counts {
    uint64_t recorded;  /* stack samples that came in */
    uint64_t selected;  /* stack samples that went out */
    uint64_t stateless; /* left out because the input cannot say what --mode asks */
    uint64_t unstated;  /* of the selected ones: the input cannot say what the thread did */
};
struct lt_view_counts lt_view_counts(const struct lt_view *v);
/* Summed over the inputs so far. */
struct lt_health lt_view_health(const struct lt_view *v);
/* Has any input told it? */
bool lt_view_has_health(const struct lt_view *v);

#endif
