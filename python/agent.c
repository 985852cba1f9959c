/* SPDX-License-Identifier: Apache-2.0
 *
 * live_trace._agent: the collector inside of the process that it samples. Its threads never take the
 * GIL, nor do they know of Python: they read the interpreter's memory as they would another
 * process's. The package decides when to call what, one call at a time (live_trace/_tracer.py).
 *
 * The limited API of 3.8: one binary for all later versions. */
#include "config.h"

#define Py_LIMITED_API 0x03080000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/platform/process_mem.h"
#include "collector/py_runtime.h"
#include "collector/recorder.h"
#include "collector/trace_files.h"
#include "formats/byte_buffer.h"
#include "formats/io.h"
#include "formats/lt_error.h"

enum { MAX_TAGS = 64 };

/* The one recording of this process. */
static struct {
    struct lt_recorder *recorder; /* NULL: none */
    struct lt_trace_files *files; /* NULL: the output is one descriptor, all the time */
    struct lt_output output;
    struct lt_tag *tags;
    PyObject *texts; /* what the tags point into */
} agent;

/* path: what it is about, or NULL. */
static PyObject *raise(int err, int number, const char *path)
{
    if (err == LT_ERR_IO) {
        errno = number;
        return PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);
    }
    PyErr_SetString(err == LT_ERR_NOMEM ? PyExc_MemoryError : PyExc_RuntimeError,
                    lt_error_text(err));
    return NULL;
}

static struct lt_str borrow(PyObject *bytes)
{
    return (struct lt_str){PyBytes_AsString(bytes), (size_t)PyBytes_Size(bytes)};
}

static void let_tags_go(void)
{
    free(agent.tags);
    agent.tags = NULL;
    Py_CLEAR(agent.texts);
}

/* texts: a tuple of bytes, key and value by turns. */
static int take_tags(PyObject *texts, size_t *n)
{
    *n = (size_t)PyTuple_Size(texts) / 2;
    if (*n > MAX_TAGS) {
        PyErr_Format(PyExc_ValueError, "too many tags: at most %d", (int)MAX_TAGS);
        return -1;
    }
    agent.tags = calloc(*n + 1, sizeof(agent.tags[0]));
    if (!agent.tags) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(texts);
    agent.texts = texts;
    for (size_t i = 0; i < *n; i++) {
        agent.tags[i].key = borrow(PyTuple_GetItem(texts, (Py_ssize_t)(2 * i)));
        agent.tags[i].value = borrow(PyTuple_GetItem(texts, (Py_ssize_t)(2 * i + 1)));
    }
    return 0;
}

/* ---- is this an interpreter that can be sampled? ---- */

static int find_runtime(struct lt_py_runtime *runtime)
{
    struct lt_py_finder *finder;
    struct lt_mem mem;
    memset(runtime, 0, sizeof(*runtime));
    int err = lt_py_finder_new(&finder);
    if (err)
        return err;
    lt_process_mem(&mem, getpid());
    err = lt_py_runtime_find(finder, getpid(), &mem, runtime);
    lt_py_finder_free(finder);
    return err;
}

PyDoc_STRVAR(obstacle_doc, "obstacle() -> None, or why this interpreter cannot be sampled");
static PyObject *agent_obstacle(PyObject *self, PyObject *none)
{
    struct lt_py_runtime runtime;
    int err;
    (void)self, (void)none;
    Py_BEGIN_ALLOW_THREADS err = find_runtime(&runtime);
    Py_END_ALLOW_THREADS if (!err) Py_RETURN_NONE;
    if (err == LT_ERR_PY_VERSION || err == LT_ERR_PY_NEWER || err == LT_ERR_PY_FREE_THREADED)
        return PyUnicode_FromFormat(
            "Python %s: %s: use a build with a GIL of Python " LT_PY_SUPPORTED, runtime.version,
            lt_error_text(err));
    if (err == LT_ERR_PERMISSION || err == LT_ERR_IO)
        return PyUnicode_FromFormat(
            "reading the memory of this process is not permitted: allow the "
            "system call process_vm_readv (seccomp) and /proc");
    return PyUnicode_FromFormat(
        "the interpreter is not found in /proc/self/maps: %s: is /proc mounted?",
        lt_error_text(err));
}

/* ---- one recording ---- */

static void close_output(void)
{
    if (agent.output.close)
        agent.output.close(agent.output.ctx);
    agent.output = (struct lt_output){0};
    lt_trace_files_free(agent.files);
    agent.files = NULL;
}

/* Takes the descriptor, or if it is -1 creates the first file of the template. */
static int open_output(int fd, const struct lt_trace_files_config *files)
{
    int err =
        fd >= 0 ? lt_output_fd(&agent.output, fd, 1) : lt_trace_files_new(&agent.files, files);
    if (!err && agent.files)
        err = lt_trace_files_open(agent.files, &agent.output);
    if (!err)
        return 0;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    close_output();
    errno = saved;
    return err;
}

static int begin(const struct lt_recorder_config *config)
{
    int err = lt_recorder_start(&agent.recorder, config);
    if (!err)
        err = lt_recorder_add(agent.recorder, getpid());
    if (!err)
        return 0;
    int saved = errno;
    lt_recorder_free(agent.recorder);
    agent.recorder = NULL;
    close_output();
    errno = saved;
    return err;
}

PyDoc_STRVAR(
    start_doc,
    "start(fd, files, interval_ns, command, cwd, tags, source_lines, tag_var) -> a name, or "
    "None\n\n"
    "Begins; the descriptor is the recorder's from then on. -1: files one after the other, of\n"
    "(template, mode, rotate_ns, rotate_bytes, max_bytes), see collector/trace_files.h; returns\n"
    "the name of the first. All texts are bytes; tags is a tuple of keys and values by turns;\n"
    "tag_var is the context variable of _tags.py, which the caller keeps alive.");
static PyObject *agent_start(PyObject *self, PyObject *args)
{
    int fd, source_lines, err, number;
    unsigned int mode;
    long long interval_ns, rotate_ns;
    unsigned long long rotate_bytes, max_bytes;
    const char *template, *command, *cwd;
    Py_ssize_t command_len, cwd_len;
    PyObject *texts, *tag_var;
    size_t n_tags;
    (void)self;
    if (!PyArg_ParseTuple(args, "i(yILKK)Ly#y#O!pO", &fd, &template, &mode, &rotate_ns,
                          &rotate_bytes, &max_bytes, &interval_ns, &command, &command_len, &cwd,
                          &cwd_len, &PyTuple_Type, &texts, &source_lines, &tag_var))
        return NULL;
    if (agent.recorder || take_tags(texts, &n_tags) != 0) {
        if (fd >= 0)
            close(fd);
        return agent.recorder ? raise(LT_ERR_USAGE, 0, NULL) : NULL;
    }
    const struct lt_trace_files_config files = {template, (mode_t)mode, rotate_ns, rotate_bytes,
                                                max_bytes};
    struct lt_recorder_config config = {
        .interval_ns = interval_ns,
        .inside = true,
        .tag_var = (uint64_t)(uintptr_t)tag_var,
        .source_lines = source_lines != 0,
        .command = {command, (size_t)command_len},
        .cwd = {cwd, (size_t)cwd_len},
        .tags = agent.tags,
        .n_tags = n_tags,
        .output = &agent.output,
    };
    Py_BEGIN_ALLOW_THREADS err = open_output(fd, &files);
    config.files = agent.files;
    if (!err)
        err = begin(&config);
    number = errno;
    Py_END_ALLOW_THREADS if (err)
    {
        let_tags_go();
        return raise(err, number, fd >= 0 ? NULL : template);
    }
    if (!agent.files)
        Py_RETURN_NONE;
    return PyUnicode_DecodeFSDefault(lt_trace_files_path(agent.files));
}

static PyObject *failures(const struct lt_health *h)
{
    PyObject *dict = PyDict_New();
    for (unsigned i = 0; dict && i < LT_FAIL_CAUSES; i++) {
        PyObject *n = PyLong_FromUnsignedLongLong(h->failed[i]);
        if (!n || PyDict_SetItemString(dict, lt_fail_name(i), n) != 0)
            Py_CLEAR(dict);
        Py_XDECREF(n);
    }
    return dict;
}

static PyObject *error_text(const struct lt_recorder_summary *s)
{
    if (!s->error)
        Py_RETURN_NONE;
    errno = s->error_errno;
    return PyUnicode_FromString(lt_error_text(s->error));
}

static PyObject *file_name(const struct lt_recorder_summary *s)
{
    if (!s->file[0])
        Py_RETURN_NONE;
    return PyUnicode_DecodeFSDefault(s->file);
}

/* The names are those of `live-trace info --json`. */
static PyObject *summary_dict(const struct lt_recorder_summary *s)
{
    return Py_BuildValue(
        "{s:d,s:K,s:K,s:K,s:K,s:K,s:N,s:d,s:d,s:N,s:N}", "duration", (double)s->duration_ns / 1e9,
        "bytes", s->bytes, "asked", s->health.asked, "taken", s->health.taken, "late",
        s->health.late, "retried", s->health.retried, "failed", failures(&s->health),
        "sampler_cpu_seconds", (double)s->health.sampler_cpu_ns / 1e9, "max_lateness_seconds",
        (double)s->health.max_lateness_ns / 1e9, "error", error_text(s), "file", file_name(s));
}

PyDoc_STRVAR(stop_doc,
             "stop() -> the last figures. The file is complete, unless they say why not.");
static PyObject *agent_stop(PyObject *self, PyObject *none)
{
    struct lt_recorder_summary summary;
    (void)self, (void)none;
    if (!agent.recorder)
        return raise(LT_ERR_USAGE, 0, NULL);
    Py_BEGIN_ALLOW_THREADS lt_recorder_stop(agent.recorder, &summary);
    lt_recorder_free(agent.recorder);
    if (agent.output.close(agent.output.ctx) != 0 && !summary.error) {
        summary.error = LT_ERR_IO;
        summary.error_errno = errno;
    }
    agent.output = (struct lt_output){0};
    close_output();
    Py_END_ALLOW_THREADS agent.recorder = NULL;
    let_tags_go();
    return summary_dict(&summary);
}

PyDoc_STRVAR(look_doc, "look() -> the figures so far");
static PyObject *agent_look(PyObject *self, PyObject *none)
{
    struct lt_recorder_summary summary;
    (void)self, (void)none;
    if (!agent.recorder)
        return raise(LT_ERR_USAGE, 0, NULL);
    Py_BEGIN_ALLOW_THREADS lt_recorder_look(agent.recorder, &summary);
    Py_END_ALLOW_THREADS return summary_dict(&summary);
}

PyDoc_STRVAR(flush_doc, "flush(): what was sampled so far is in the file when this returns");
static PyObject *agent_flush(PyObject *self, PyObject *none)
{
    int err, number;
    (void)self, (void)none;
    if (!agent.recorder)
        return raise(LT_ERR_USAGE, 0, NULL);
    Py_BEGIN_ALLOW_THREADS err = lt_recorder_flush(agent.recorder);
    number = errno;
    Py_END_ALLOW_THREADS if (err) return raise(err, number, NULL);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(alive_doc, "alive() -> whether samples are being taken and kept; costs nothing");
static PyObject *agent_alive(PyObject *self, PyObject *none)
{
    (void)self, (void)none;
    return PyBool_FromLong(agent.recorder && !lt_recorder_done(agent.recorder) &&
                           !lt_recorder_failing(agent.recorder));
}

PyDoc_STRVAR(
    failing_doc,
    "failing() -> whether nothing can be written, and the next file is tried now and then");
static PyObject *agent_failing(PyObject *self, PyObject *none)
{
    (void)self, (void)none;
    return PyBool_FromLong(agent.recorder && lt_recorder_failing(agent.recorder));
}

/* ---- around a fork: with the GIL all the time, so that nobody comes in between ---- */

enum { PATIENCE_NS = 500000000 };

PyDoc_STRVAR(hold_doc, "hold() -> whether nothing is half done until let_go() or abandon()");
static PyObject *agent_hold(PyObject *self, PyObject *none)
{
    (void)self, (void)none;
    return PyBool_FromLong(agent.recorder && lt_recorder_hold(agent.recorder, PATIENCE_NS));
}

PyDoc_STRVAR(let_go_doc, "let_go(): ends hold(), in the parent");
static PyObject *agent_let_go(PyObject *self, PyObject *none)
{
    (void)self, (void)none;
    lt_recorder_let_go(agent.recorder);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(
    abandon_doc,
    "abandon(held): in a child, what is left of the parent's recording. Without hold() its\n"
    "memory may be in any state, and is left alone.");
static PyObject *agent_abandon(PyObject *self, PyObject *args)
{
    int held;
    (void)self;
    if (!PyArg_ParseTuple(args, "p", &held))
        return NULL;
    if (agent.recorder && held) {
        lt_recorder_abandon(agent.recorder);
        close_output();
        let_tags_go();
    }
    agent.recorder = NULL;
    agent.files = NULL;
    agent.output = (struct lt_output){0};
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"abandon", agent_abandon, METH_VARARGS, abandon_doc},
    {"alive", agent_alive, METH_NOARGS, alive_doc},
    {"failing", agent_failing, METH_NOARGS, failing_doc},
    {"flush", agent_flush, METH_NOARGS, flush_doc},
    {"hold", agent_hold, METH_NOARGS, hold_doc},
    {"let_go", agent_let_go, METH_NOARGS, let_go_doc},
    {"look", agent_look, METH_NOARGS, look_doc},
    {"obstacle", agent_obstacle, METH_NOARGS, obstacle_doc},
    {"start", agent_start, METH_VARARGS, start_doc},
    {"stop", agent_stop, METH_NOARGS, stop_doc},
    {NULL, NULL, 0, NULL},
};

/* In the stable ABI since 3.9; 3.8 has it under the other name. */
extern PyInterpreterState *PyInterpreterState_Get(void) __attribute__((weak));
extern PyInterpreterState *_PyInterpreterState_Get(void) __attribute__((weak));

/* There is one recording a process, and at most one interpreter may own it. */
static int refuse_subinterpreters(PyObject *module)
{
    PyInterpreterState *own = PyInterpreterState_Get    ? PyInterpreterState_Get()
                              : _PyInterpreterState_Get ? _PyInterpreterState_Get()
                                                        : NULL;
    (void)module;
    if (!own || PyInterpreterState_GetID(own) == 0)
        return 0;
    PyErr_SetString(PyExc_ImportError, "live_trace runs in the main interpreter only, not in a "
                                       "subinterpreter: start it there, it samples all of them");
    return -1;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)refuse_subinterpreters},
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "live_trace._agent",
    .m_doc = "The collector of live-trace inside of the process that it samples.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__agent(void);
PyMODINIT_FUNC PyInit__agent(void)
{
    return PyModuleDef_Init(&module_def);
}
