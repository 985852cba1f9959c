/* SPDX-License-Identifier: Apache-2.0
 *
 * Phrases for error codes. */
#include "config.h"

#include "formats/lt_error.h"

#include <errno.h>
#include <string.h>

const char *lt_error_text(int error)
{
    switch ((enum lt_error)error) {
    case LT_OK:
        return "no error";
    case LT_ERR_NOMEM:
        return "out of memory";
    case LT_ERR_IO:
        return strerror(errno);
    case LT_ERR_NOT_OURS:
        return "not a format that live-trace reads";
    case LT_ERR_UNSUPPORTED:
        return "made by a newer version";
    case LT_ERR_CORRUPT:
        return "damaged";
    case LT_ERR_USAGE:
        return "wrong use";
    case LT_ERR_LIMIT:
        return "beyond a limit";
    case LT_ERR_STOP:
        return "stopped";
    case LT_ERR_NO_PROCESS:
        return "no such process";
    case LT_ERR_NOT_PYTHON:
        return "not a Python process";
    case LT_ERR_NOT_READY:
        return "the interpreter is still starting";
    case LT_ERR_PY_VERSION:
        return "this Python version is not supported";
    case LT_ERR_PERMISSION:
        return "not permitted";
    case LT_ERR_FAULT:
        return "memory of the process is not readable";
    case LT_ERR_TORN:
        return "could not be confirmed as one moment";
    case LT_ERR_AWAY:
        return "it runs on a processor that is closed to live-trace";
    case LT_ERR_PY_NEWER:
        return "this Python version is newer than all that are supported";
    case LT_ERR_PY_FREE_THREADED:
        return "free-threaded Python is not supported";
    case LT_ERR_PY_TASKS:
        return "this Python version does not tell where its tasks are";
    }
    return "unknown error";
}
