/* SPDX-License-Identifier: Apache-2.0
 *
 * The colours differ in lightness as well as in hue, after the sets that people with any kind of
 * colour vision can tell apart. */
#include "config.h"

#include "exporters/flame_palette.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "formats/byte_buffer.h"

/* Hue in degrees, saturation and lightness in per cent; shades get lighter by `step`. */
struct tone {
    double hue, saturation, lightness;
};

struct color {
    const char *meaning;
    struct tone light, dark;
};

enum { SHADE_STEP = 3 };

enum owner { OWN, LIBRARY, STANDARD, NATIVE, THREAD, OTHER };

static const struct color owners[] = {
    [OWN] = {"your code", {30, 96, 62}, {24, 72, 30}},
    [LIBRARY] = {"libraries", {206, 82, 72}, {208, 62, 30}},
    [STANDARD] = {"standard library", {162, 42, 64}, {166, 45, 21}},
    [NATIVE] = {"native code", {315, 45, 74}, {318, 32, 33}},
    [THREAD] = {"threads and processes", {220, 16, 78}, {220, 12, 30}},
    [OTHER] = {"other", {50, 12, 76}, {50, 6, 26}},
};

static const struct color modules[] = {
    {NULL, {30, 96, 62}, {24, 72, 30}},   {NULL, {206, 82, 72}, {208, 62, 30}},
    {NULL, {162, 42, 64}, {166, 45, 21}}, {NULL, {315, 45, 74}, {318, 32, 33}},
    {NULL, {54, 85, 62}, {50, 70, 22}},   {NULL, {258, 65, 80}, {258, 35, 38}},
    {NULL, {96, 45, 64}, {100, 40, 21}},  {NULL, {4, 80, 76}, {2, 52, 34}},
    {NULL, {184, 50, 66}, {186, 55, 21}}, {NULL, {340, 70, 78}, {338, 45, 34}},
};

static const struct color hot[] = {
    {NULL, {6, 90, 68}, {4, 62, 34}},
    {NULL, {20, 94, 64}, {16, 70, 31}},
    {NULL, {36, 94, 58}, {32, 76, 25}},
    {NULL, {50, 94, 58}, {46, 80, 21}},
};

static const struct color blue[] = {
    {NULL, {200, 80, 70}, {200, 65, 27}},
    {NULL, {214, 82, 76}, {214, 55, 33}},
    {NULL, {228, 80, 80}, {228, 42, 40}},
};

static const struct color green[] = {
    {NULL, {88, 50, 62}, {92, 50, 20}},
    {NULL, {130, 42, 64}, {134, 45, 20}},
    {NULL, {164, 46, 62}, {166, 50, 20}},
};

static const struct color purple[] = {
    {NULL, {262, 66, 80}, {262, 36, 38}},
    {NULL, {286, 54, 78}, {286, 34, 36}},
    {NULL, {312, 48, 76}, {314, 34, 34}},
};

static const struct color grey[] = {
    {NULL, {220, 10, 74}, {220, 8, 26}},
};

/* From much less to much more; the middle is no change. */
static const struct color changes[] = {
    {"less itself than before", {212, 85, 66}, {212, 80, 36}},
    {NULL, {212, 85, 76}, {212, 60, 30}},
    {NULL, {212, 80, 85}, {212, 35, 26}},
    {"the same", {220, 8, 87}, {220, 6, 22}},
    {NULL, {8, 85, 86}, {6, 30, 26}},
    {NULL, {8, 88, 77}, {6, 52, 32}},
    {"more itself than before", {8, 90, 68}, {6, 72, 37}},
};
enum { SAME = 3 };

const char *const lt_flame_palette_names[] = {"owner", "module", "hot",  "blue",
                                              "green", "purple", "grey", NULL};

static const struct {
    const struct color *colors;
    unsigned n;
} palettes[] = {
    {owners, sizeof owners / sizeof *owners}, {modules, sizeof modules / sizeof *modules},
    {hot, sizeof hot / sizeof *hot},          {blue, sizeof blue / sizeof *blue},
    {green, sizeof green / sizeof *green},    {purple, sizeof purple / sizeof *purple},
    {grey, sizeof grey / sizeof *grey},
};

static const struct color *color_of(int palette, unsigned color)
{
    return palette == LT_FLAME_PALETTE_CHANGE ? &changes[color] : &palettes[palette].colors[color];
}

/* FNV-1a: the same in every graph. */
static uint32_t hash(const char *text, size_t len)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < len; i++) {
        h = (h ^ (uint8_t)text[i]) * 16777619u;
    }
    return h ^ h >> 15;
}

/* Of a file: is it machine code, or the source of some? */
static bool is_native(const char *file, size_t len)
{
    static const char *const endings[] = {".so",  ".dll", ".dylib", ".pyd", ".c",  ".cc",
                                          ".cpp", ".h",   ".hpp",   ".rs",  ".pyx"};

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(endings[i]);
        if (len > n && memcmp(file + len - n, endings[i], n) == 0) {
            return true;
        }
    }
    return memmem(file, len, ".so.", 4) != NULL; /* libc.so.6 */
}

static enum owner owner_of(const struct lt_flame_frame *frame)
{
    const char *file = frame->label + frame->parts.name_len + strlen(" (");

    if ((frame->flags & (LIVE_TRACE_FRAME_THREAD | LIVE_TRACE_FRAME_PROCESS)) != 0) {
        return THREAD;
    }
    if ((frame->flags & LIVE_TRACE_FRAME_UNKNOWN) != 0) {
        return OTHER;
    }
    if (frame->parts.file_len > 0 && is_native(file, frame->parts.file_len)) {
        return NATIVE;
    }
    if ((frame->flags & LIVE_TRACE_FRAME_MINE) != 0) {
        return OWN;
    }
    if ((frame->flags & LIVE_TRACE_FRAME_STDLIB) != 0) {
        return STANDARD;
    }
    return (frame->flags & LIVE_TRACE_FRAME_LIBRARY) != 0 ? LIBRARY : OTHER;
}

/* Files of one folder, and frames without a file by name, have one colour. */
static uint32_t hash_of_module(const struct lt_flame_frame *frame)
{
    const char *file = frame->label + frame->parts.name_len + strlen(" ("), *slash;

    if (frame->parts.file_len == 0) {
        return hash(frame->label, frame->parts.name_len);
    }
    slash = memrchr(file, '/', frame->parts.file_len);
    return hash(file, slash != NULL ? (size_t)(slash - file) : frame->parts.file_len);
}

struct lt_flame_color lt_flame_palette_color(int palette, const struct lt_flame_frame *frame)
{
    uint32_t own = hash(frame->label, strlen(frame->label));
    struct lt_flame_color color = {.shade = own % LT_FLAME_SHADES};

    if (palettes[palette].colors == owners) {
        color.color = owner_of(frame);
    } else if (palettes[palette].colors == modules) {
        color.color = hash_of_module(frame) % palettes[palette].n;
    } else {
        color.color = own / LT_FLAME_SHADES % palettes[palette].n;
    }
    return color;
}

struct lt_flame_color lt_flame_palette_change(uint64_t before, uint64_t after, uint64_t whole)
{
    double part = whole > 0 ? ((double)after - (double)before) / (double)whole : 0;
    double size = part < 0 ? -part : part;
    unsigned steps = size >= 0.1 ? 3 : size >= 0.01 ? 2 : size >= 0.001 ? 1 : 0;

    return (struct lt_flame_color){.color = part < 0 ? SAME - steps : SAME + steps};
}

const char *lt_flame_palette_meaning(int palette, unsigned color)
{
    return color_of(palette, color)->meaning;
}

/* One channel of a hue, saturation and lightness, 0 to 255. */
static unsigned channel(const struct tone *t, double lightness, double offset)
{
    double l = lightness / 100, a = t->saturation / 100 * (l < 1 - l ? l : 1 - l);
    double k = fmod(offset + t->hue / 30, 12);
    double slope = fmin(fmin(k - 3, 9 - k), 1);

    return (unsigned)lround(255 * (l - a * fmax(slope, -1)));
}

int lt_flame_palette_css(struct lt_buf *out, int palette, unsigned color, bool dark)
{
    const struct color *c = color_of(palette, color);
    const struct tone *tone = dark ? &c->dark : &c->light;
    int error = 0;

    for (unsigned shade = 0; shade < LT_FLAME_SHADES && error == 0; shade++) {
        double lightness = tone->lightness + shade * SHADE_STEP;
        error = lt_buf_printf(out, ".c%u-%u rect{fill:#%02x%02x%02x}\n", color, shade,
                              channel(tone, lightness, 0), channel(tone, lightness, 8),
                              channel(tone, lightness, 4));
    }
    return error;
}
