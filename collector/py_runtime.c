/* SPDX-License-Identifier: Apache-2.0
 *
 * From mappings to files, from files to symbols, from symbols to a confirmed runtime. */
#include "config.h"

#include "collector/py_runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/platform/elf_file.h"
#include "collector/platform/elf_image.h"
#include "collector/platform/proc_maps.h"
#include "formats/lt_error.h"

enum { KNOWN_FILES = 256, DEBUG_OFFSETS_LEN = 1024 };

/* What is looked for in a file. The functions tell versions apart that do not say what they are:
 * each came with the version in its name and has been there ever since. */
enum symbol {
    SYMBOL_RUNTIME,
    SYMBOL_VERSION,
    SYMBOL_SINCE_310,
    SYMBOL_SINCE_39,
    SYMBOL_SINCE_38,
    SYMBOL_BEFORE_37,
    SYMBOL_RSEQ_OFFSET,
    SYMBOLS
};
static const char *const symbol_names[SYMBOLS] = {
    [SYMBOL_RUNTIME] = "_PyRuntime",
    [SYMBOL_VERSION] = "Py_Version", /* 3.11 */
    [SYMBOL_SINCE_310] = "PyIter_Send",
    [SYMBOL_SINCE_39] = "PyInterpreterState_Get",
    [SYMBOL_SINCE_38] = "PyCode_NewWithPosOnlyArgs",
    [SYMBOL_BEFORE_37] = "_PyThreadState_Current", /* became a part of _PyRuntime */
    [SYMBOL_RSEQ_OFFSET] = "__rseq_offset",        /* glibc 2.35, in its dynamic linker */
};

enum section { SECTION_RUNTIME, SECTION_ASYNCIO, SECTIONS };
static const char *const section_names[SECTIONS] = {
    [SECTION_RUNTIME] = ".PyRuntime",
    [SECTION_ASYNCIO] = ".AsyncioDebug", /* 3.14, in the module or in the program */
};

struct known_file {
    uint64_t device, inode;
    int64_t changed_ns;
    bool used, readable;
    struct lt_elf_load load;
    uint64_t symbols[SYMBOLS];
    uint64_t sections[SECTIONS];
};

struct lt_py_finder {
    struct known_file files[KNOWN_FILES];
    size_t next; /* the one to forget when all are used */
    bool force, need_tasks;
};

int lt_py_finder_new(struct lt_py_finder **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : LT_ERR_NOMEM;
}

void lt_py_finder_free(struct lt_py_finder *f)
{
    free(f);
}

void lt_py_finder_force(struct lt_py_finder *f)
{
    f->force = true;
}

void lt_py_finder_need_tasks(struct lt_py_finder *f)
{
    f->need_tasks = true;
}

static struct lt_elf_names names_for(struct known_file *file)
{
    return (struct lt_elf_names){.symbols = symbol_names,
                                 .n_symbols = SYMBOLS,
                                 .values = file->symbols,
                                 .sections = section_names,
                                 .n_sections = SECTIONS,
                                 .section_addrs = file->sections};
}

static void read_file(int fd, struct known_file *file)
{
    struct lt_elf_names names = names_for(file);
    file->readable = lt_elf_look_up(fd, &names, &file->load) == 0;
}

static const struct known_file *know_file(struct lt_py_finder *f, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    int64_t changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    for (size_t i = 0; i < KNOWN_FILES; i++) {
        const struct known_file *file = &f->files[i];
        if (file->used && file->device == st.st_dev && file->inode == st.st_ino &&
            file->changed_ns == changed_ns)
            return file;
    }
    struct known_file *file = &f->files[f->next++ % KNOWN_FILES];
    memset(file, 0, sizeof(*file));
    file->used = true;
    file->device = st.st_dev;
    file->inode = st.st_ino;
    file->changed_ns = changed_ns;
    read_file(fd, file);
    return file;
}

struct search {
    struct lt_py_finder *finder;
    pid_t pid;
    const struct lt_mem *mem;
    uint64_t last_inode; /* a file has several mappings, one after the other */
    lt_addr first_start; /* of the first of them, */
    uint64_t first_offset;
    lt_addr symbols[SYMBOLS], sections[SECTIONS]; /* in memory */
};

static void take_symbols(struct search *s, const struct known_file *file)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    lt_addr bias = s->first_start - s->first_offset -
                   (file->load.vaddr - file->load.offset % page) + file->load.offset / page * page;
    for (size_t i = 0; i < SYMBOLS; i++) {
        if (file->symbols[i] && !s->symbols[i])
            s->symbols[i] = bias + file->symbols[i];
    }
    for (size_t i = 0; i < SECTIONS; i++) {
        if (file->sections[i] && !s->sections[i])
            s->sections[i] = bias + file->sections[i];
    }
}

/* A file that cannot be opened is looked at as it lies in memory. */
static void look_at_image(struct search *s)
{
    struct known_file file = {0};
    struct lt_elf_names names = names_for(&file);
    if (s->first_offset == 0 &&
        lt_elf_image_look_up(s->mem, s->first_start, &names, &file.load) == 0)
        take_symbols(s, &file);
}

static int look_at_mapping(void *ctx, const struct lt_mapping *m)
{
    struct search *s = ctx;
    if (!m->inode)
        return 0;
    if (m->inode != s->last_inode) {
        s->last_inode = m->inode;
        s->first_start = m->start;
        s->first_offset = m->offset;
    }
    if (!m->executable)
        return 0;
    int fd = lt_mapping_open(s->pid, m);
    if (fd < 0) {
        look_at_image(s);
        return 0;
    }
    const struct known_file *file = know_file(s->finder, fd);
    close(fd);
    if (file && file->readable)
        take_symbols(s, file);
    return 0;
}

/* An interpreter with a thread that points back to it: then it is one, and it is ready. */
static int confirm(const struct lt_mem *mem, const struct lt_py_runtime *r)
{
    const struct lt_py_offsets *o = &r->offsets;
    lt_addr interp, tstate, back;
    int err = lt_mem_read_u64(mem, r->runtime + o->runtime.interpreters_head, &interp);
    if (err || !interp)
        return err ? err : LT_ERR_NOT_READY;
    err = lt_mem_read_u64(mem, interp + o->interp.threads_head, &tstate);
    if (err || !tstate)
        return err ? err : LT_ERR_NOT_READY;
    err = lt_mem_read_u64(mem, tstate + o->tstate.interp, &back);
    if (err)
        return err;
    return back == interp ? 0 : LT_ERR_NOT_READY;
}

/* A static program without symbols has nothing but the runtime's section, which came with 3.11.
 * Since 3.13 it begins with the version; the two before are told apart by what makes sense. */
static int version_by_content(const struct search *s, const struct lt_mem *mem,
                              struct lt_py_runtime *out)
{
    static const uint32_t silent[] = {0x030b0000, 0x030c0000};
    uint8_t head[16];
    int err = lt_mem_read(mem, s->sections[SECTION_RUNTIME], head, sizeof(head));
    if (err)
        return err;
    if (memcmp(head, "xdebugpy", 8) == 0) {
        out->hexversion = (uint32_t)lt_peek_u64(head, 8);
        return 0;
    }
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
        out->hexversion = silent[i];
        if (lt_py_offsets_find(silent[i], NULL, 0, false, &out->offsets) == 0 &&
            confirm(mem, out) == 0)
            return 0;
    }
    return LT_ERR_NOT_READY;
}

/* PY_VERSION_HEX, as far as it can be told. */
static int find_version(const struct search *s, const struct lt_mem *mem, struct lt_py_runtime *out)
{
    uint64_t version;
    if (s->symbols[SYMBOL_VERSION]) {
        int err = lt_mem_read_u64(mem, s->symbols[SYMBOL_VERSION], &version);
        if (err)
            return err;
        out->hexversion = (uint32_t)version;
    } else if (s->symbols[SYMBOL_SINCE_310]) {
        out->hexversion = 0x030a0000;
    } else if (s->symbols[SYMBOL_SINCE_39]) {
        out->hexversion = 0x03090000;
    } else if (s->symbols[SYMBOL_SINCE_38]) {
        out->hexversion = 0x03080000;
    } else if (s->sections[SECTION_RUNTIME]) {
        int err = version_by_content(s, mem, out);
        if (err)
            return err;
    } else {
        snprintf(out->version, sizeof(out->version), "3.7 or older");
        return LT_ERR_PY_VERSION;
    }
    unsigned major = out->hexversion >> 24, minor = out->hexversion >> 16 & 0xff;
    if (out->hexversion & 0xff) /* of a release: its level; what was concluded has none */
        snprintf(out->version, sizeof(out->version), "%u.%u.%u", major, minor,
                 out->hexversion >> 8 & 0xff);
    else
        snprintf(out->version, sizeof(out->version), "%u.%u", major, minor);
    return 0;
}

int lt_py_runtime_find(struct lt_py_finder *f, pid_t pid, const struct lt_mem *mem,
                       struct lt_py_runtime *out)
{
    struct search s = {.finder = f, .pid = pid, .mem = mem};
    uint8_t debug_offsets[DEBUG_OFFSETS_LEN];
    uint64_t rseq = 0;
    memset(out, 0, sizeof(*out));
    int err = lt_proc_maps(pid, look_at_mapping, &s);
    if (err)
        return err;
    out->runtime =
        s.symbols[SYMBOL_RUNTIME] ? s.symbols[SYMBOL_RUNTIME] : s.sections[SECTION_RUNTIME];
    if (!out->runtime && s.symbols[SYMBOL_BEFORE_37]) {
        snprintf(out->version, sizeof(out->version), "3.6 or older");
        return LT_ERR_PY_VERSION;
    }
    if (!out->runtime)
        return LT_ERR_NOT_PYTHON;
    err = find_version(&s, mem, out);
    if (!err)
        err = lt_mem_read(mem, out->runtime, debug_offsets, sizeof(debug_offsets));
    if (!err)
        err = lt_py_offsets_find(out->hexversion, debug_offsets, sizeof(debug_offsets), f->force,
                                 &out->offsets);
    /* Where a thread's processor is kept; without it, /proc says. */
    if (!err && s.symbols[SYMBOL_RSEQ_OFFSET] &&
        lt_mem_read_u64(mem, s.symbols[SYMBOL_RSEQ_OFFSET], &rseq) == 0)
        out->rseq_offset = (int64_t)rseq;
    out->asyncio = s.sections[SECTION_ASYNCIO];
    if (!err && f->need_tasks && out->offsets.generator.frame == LT_NO_FIELD)
        return LT_ERR_PY_TASKS;
    if (!err)
        err = confirm(mem, out);
    /* The dynamic linker is still at work, or the process is going: not the runtime's fault. */
    return err == LT_ERR_FAULT || err == LT_ERR_CORRUPT ? LT_ERR_NOT_READY : err;
}

int lt_py_asyncio_find(struct lt_py_finder *f, pid_t pid, const struct lt_mem *mem, lt_addr *addr)
{
    struct search s = {.finder = f, .pid = pid, .mem = mem};
    int err = lt_proc_maps(pid, look_at_mapping, &s);
    *addr = err ? 0 : s.sections[SECTION_ASYNCIO];
    return err;
}
