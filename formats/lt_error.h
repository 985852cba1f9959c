/* SPDX-License-Identifier: Apache-2.0
 *
 * The error codes of every library in the tree. Functions return 0 or one of
 * these negative values and give their data through out-parameters; they never
 * print, log or exit. The codes keep apart whose fault it is: the file is not
 * ours, newer than we are, damaged, or the caller asked for nonsense. */
#ifndef LT_ERROR_H
#define LT_ERROR_H

enum lt_error {
    LT_OK = 0,
    LT_ERR_NOMEM = -1,       /* an allocation failed, or a hard cap was met */
    LT_ERR_IO = -2,          /* a system call failed; errno says which way */
    LT_ERR_NOT_OURS = -3,    /* the bytes are of no format that we read */
    LT_ERR_UNSUPPORTED = -4, /* ours, but a newer major version or feature */
    LT_ERR_CORRUPT = -5,     /* ours, and damaged */
    LT_ERR_USAGE = -6,       /* the caller's mistake */
    LT_ERR_LIMIT = -7,       /* a named bound was met (depth, size, count) */
    LT_ERR_STOP = -8,        /* a callback asked to end early; not a failure */

    LT_ERR_NO_PROCESS = -20,       /* the process does not exist (any more) */
    LT_ERR_NOT_PYTHON = -21,       /* the process has no CPython in it */
    LT_ERR_NOT_READY = -22,        /* an interpreter that is still starting: ask again */
    LT_ERR_PY_VERSION = -23,       /* a CPython that we have no offsets for */
    LT_ERR_PERMISSION = -24,       /* the kernel forbids reading that process */
    LT_ERR_FAULT = -25,            /* an address of the target is not readable */
    LT_ERR_TORN = -26,             /* a read that could not be confirmed as one moment */
    LT_ERR_AWAY = -27,             /* the target runs on a processor that is closed to us */
    LT_ERR_PY_NEWER = -28,         /* a CPython newer than all that we have offsets for */
    LT_ERR_PY_FREE_THREADED = -29, /* a CPython without a GIL */
    LT_ERR_PY_TASKS = -30          /* a CPython that does not tell where its tasks are */
};

/* A short English phrase for a code ("no such process"), without a full stop;
 * static storage. For LT_ERR_IO it is the text of the current errno. */
const char *lt_error_text(int error);

#endif
