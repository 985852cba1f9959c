/* SPDX-License-Identifier: Apache-2.0
 *
 * Command-line options: `--opt VALUE`, `--opt=VALUE`, unique prefixes, `-o VALUE`, `-oVALUE`,
 * bundled letters, `--`. A wrong word is answered with the nearest right one. */
#ifndef LT_OPTIONS_H
#define LT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lt_option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    bool value;
    int id; /* > 0, unique in the tables of one command */
};

enum { LT_OPTION_HELP = 1 };
enum { LT_ASKED_FOR_HELP = -1 };

struct lt_options {
    const char *command;               /* for messages: "analyze" */
    const struct lt_option *tables[3]; /* each ended by a NULL name; --help is always known */
    char **argv;                       /* NULL-terminated; behind the command's own name */
    size_t at;
    const char *bundle; /* the rest of bundled letters */
    bool only_operands; /* behind `--` */
    const char *value;  /* of the option, or the operand */
};

/* The next one: its id; 0 for an operand, which is then `value`; -1 at the end; -2 for a mistake
 * that has been said. */
int lt_options_next(struct lt_options *o);

/* Calls `take` with each option (its id and value) and operand (0), until one returns another exit status
 * than 0. 0: all were taken; LT_ASKED_FOR_HELP: --help came first; else the exit status of a mistake that has
 * been said. */
int lt_options_each(struct lt_options *o, int (*take)(void *ctx, int id, const char *value),
                    void *ctx);

/* What an option says in a whole number from 1 to `max`. 0, or -2 for a mistake that has been said. */
int lt_options_whole(const char *option, const char *text, uint32_t max, uint32_t *count);

/* The nearest of some words to a wrong one, or NULL when none is near. */
const char *lt_nearest(const char *word, const char *const *words, size_t n);

#endif
