/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads just enough of Python's command line to find what it runs. */
#include "config.h"

#include "analysis/process_name.h"

#include <string.h>

/* The next part between blanks; empty at the end. */
static struct lt_str next_word(struct lt_str *rest)
{
    struct lt_str word;

    while (rest->len > 0 && rest->data[0] == ' ') {
        rest->data++;
        rest->len--;
    }
    word = (struct lt_str){rest->data, 0};
    while (word.len < rest->len && word.data[word.len] != ' ') {
        word.len++;
    }
    if (word.len > 0) {
        rest->data += word.len;
        rest->len -= word.len;
    }
    return word;
}

static struct lt_str base_name(struct lt_str path)
{
    const char *slash = path.len > 0 ? memrchr(path.data, '/', path.len) : NULL;

    if (slash != NULL && slash + 1 < path.data + path.len) {
        path.len -= (size_t)(slash + 1 - path.data);
        path.data = slash + 1;
    }
    return path;
}

static bool starts_with(struct lt_str text, const char *start)
{
    size_t len = strlen(start);
    return text.len >= len && memcmp(text.data, start, len) == 0;
}

struct lt_str lt_process_name(struct lt_str command)
{
    struct lt_str rest = command, word = next_word(&rest);
    struct lt_str program = base_name(word);

    if (word.len > 0 && word.data[word.len - 1] == ':') {
        return command;
    }
    if (!starts_with(program, "python") && !starts_with(program, "pypy")) {
        return program;
    }
    while ((word = next_word(&rest)).len > 0) {
        char last = word.data[word.len - 1];
        if (word.data[0] != '-') {
            return base_name(word);
        }
        if (starts_with(word, "--")) {
            continue;
        }
        if (last == 'm') { /* also "-Im" */
            return next_word(&rest);
        }
        if (last == 'c') {
            return (struct lt_str){program.data, (size_t)(word.data + word.len - program.data)};
        }
        if (last == 'W' || last == 'X') {
            next_word(&rest);
        }
    }
    return program;
}
