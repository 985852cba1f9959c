/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "exporters/export_options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

const struct live_trace_option_info lt_no_options[] = {{0}};

static bool is_known(const struct live_trace_exporter *exporter, const char *key)
{
    for (const struct live_trace_option_info *o = exporter->options; o->key != NULL; o++) {
        if (strcmp(o->key, key) == 0) {
            return true;
        }
    }
    return false;
}

/* "svg has no option colour: use one of title, width (`live-trace formats svg`)" */
static int refuse_key(const struct live_trace_exporter *exporter,
                      const struct live_trace_host *host, const char *key)
{
    const struct live_trace_option_info *o = exporter->options;
    struct lt_buf text = {0};
    int error = lt_buf_printf(&text, "%s has no option %s: %s", exporter->name, key,
                              o->key != NULL ? "use one of " : "it has none, leave it out");

    for (; o->key != NULL && error == 0; o++) {
        error = lt_buf_printf(&text, "%s%s", o->key, o[1].key != NULL ? ", " : "");
    }
    if (error == 0 && o != exporter->options) {
        error = lt_buf_printf(&text, " (`live-trace formats %s`)", exporter->name);
    }
    if (error == 0) {
        error = lt_buf_put_u8(&text, '\0');
    }
    if (error == 0) {
        host->fail(host->ctx, (const char *)text.data);
        error = LT_ERR_USAGE;
    }
    lt_buf_release(&text);
    return error;
}

int lt_options_check(const struct live_trace_exporter *exporter, const struct live_trace_host *host)
{
    for (uint32_t i = 0; i < host->n_options && exporter->options != NULL; i++) {
        if (!is_known(exporter, host->options[i].key)) {
            return refuse_key(exporter, host, host->options[i].key);
        }
    }
    return 0;
}

const char *lt_option_text(const struct live_trace_host *host, const char *key)
{
    for (uint32_t i = host->n_options; i-- > 0;) {
        if (strcmp(host->options[i].key, key) == 0) {
            return host->options[i].value;
        }
    }
    return NULL;
}

static int refuse_value(const struct live_trace_host *host, const char *key, const char *wanted)
{
    char message[400];

    snprintf(message, sizeof message, "--option %s=%s is not understood: write %s", key,
             lt_option_text(host, key), wanted);
    host->fail(host->ctx, message);
    return LT_ERR_USAGE;
}

int lt_option_switch(const struct live_trace_host *host, const char *key, bool *value)
{
    const char *text = lt_option_text(host, key);

    if (text == NULL) {
        return 0;
    }
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0) {
        return refuse_value(host, key, "0 or 1");
    }
    *value = text[0] == '1';
    return 0;
}

int lt_option_count(const struct live_trace_host *host, const char *key, uint64_t *value)
{
    const char *text = lt_option_text(host, key);

    if (text == NULL) {
        return 0;
    }
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text)) {
        return refuse_value(host, key, "a whole number");
    }
    *value = strtoull(text, NULL, 10); /* ULLONG_MAX for what is more than that */
    return 0;
}

/* Passes the letter of a multiple, and a B. */
static double take_unit(const char **at)
{
    double unit = 1;

    switch (toupper((unsigned char)**at)) {
    case 'K':
        unit = 1e3;
        break;
    case 'M':
        unit = 1e6;
        break;
    case 'G':
        unit = 1e9;
        break;
    }
    *at += unit > 1;
    *at += **at == 'B';
    return unit;
}

int lt_option_size(const struct live_trace_host *host, const char *key, uint64_t *value)
{
    const char *text = lt_option_text(host, key), *rest;
    char *end;

    if (text == NULL) {
        return 0;
    }
    double number = strtod(text, &end);
    bool plain = end != text && strspn(text, "0123456789.") == (size_t)(end - text);
    rest = end;
    number *= take_unit(&rest);
    if (!plain || *rest != '\0' || number >= 1e18) {
        return refuse_value(host, key, "a size as 20M or 1G, or 0 for no limit");
    }
    *value = (uint64_t)number;
    return 0;
}

int lt_option_number(const struct live_trace_host *host, const char *key, double least, double most,
                     double *value)
{
    const char *text = lt_option_text(host, key);
    char wanted[80], *end;
    double number;

    if (text == NULL) {
        return 0;
    }
    number = strtod(text, &end);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || number < least || number > most) {
        snprintf(wanted, sizeof wanted, "a number from %g to %g", least, most);
        return refuse_value(host, key, wanted);
    }
    *value = number;
    return 0;
}

int lt_option_choice(const struct live_trace_host *host, const char *key, const char *const *words,
                     int *value)
{
    const char *text = lt_option_text(host, key);
    char wanted[200] = "";
    size_t len = 0;

    for (int i = 0; text != NULL && words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            *value = i;
            return 0;
        }
        len += (size_t)snprintf(wanted + len, sizeof wanted - len, "%s%s", i > 0 ? ", " : "",
                                words[i]);
    }
    return text == NULL ? 0 : refuse_value(host, key, wanted);
}
