/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target over the files of a folder, without libFuzzer and with any compiler. Each
 * file is also given cut off at some lengths: inputs end too early in real life. */
#include "config.h"

#include "tests/support/fuzz_target.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INPUT_MAX = 1 << 24,
    CUTS = 64,
};

/* A copy of exactly the wanted size, so that AddressSanitizer sees a read behind it. */
static int give(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy) {
        return -1;
    }
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 0;
}

static int give_file(const char *path, uint8_t *buffer)
{
    FILE *in = fopen(path, "rb");
    size_t size;
    int failed;

    if (!in) {
        return -1;
    }
    size = fread(buffer, 1, INPUT_MAX, in);
    failed = ferror(in) || getc(in) != EOF;
    fclose(in);
    if (failed || give(buffer, size)) {
        return -1;
    }
    for (size_t i = 0; i < CUTS && i < size; i++) {
        if (give(buffer, i * size / CUTS)) {
            return -1;
        }
    }
    return 0;
}

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    uint8_t *buffer = malloc(INPUT_MAX);
    int count, status = EXIT_FAILURE;

    count = argc == 2 ? scandir(argv[1], &entries, no_dots, alphasort) : -1;
    if (count < 0 || !buffer) {
        fprintf(stderr, "usage: %s FOLDER (of inputs)\n", argv[0]);
        goto out;
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        int len = snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);

        /* The name goes first: when the target aborts, it is the last thing seen. */
        printf("%s\n", entries[i]->d_name);
        fflush(stdout);
        if (len < 0 || (size_t)len >= sizeof path || give_file(path, buffer)) {
            fprintf(stderr, "%s cannot be read\n", path);
            goto out;
        }
    }
    printf("%d inputs\n", count);
    status = EXIT_SUCCESS;
out:
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
    free(buffer);
    return status;
}
