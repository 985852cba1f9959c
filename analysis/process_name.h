/* SPDX-License-Identifier: Apache-2.0
 *
 * A short name for a process, from its command line: the script or module that Python runs. */
#ifndef LT_PROCESS_NAME_H
#define LT_PROCESS_NAME_H

#include "formats/profile.h"

/* "/usr/bin/python3 -X dev /srv/manage.py run" -> "manage.py"; "python3 -m http.server" ->
 * "http.server"; "python3 -c ..." -> "python3 -c"; "gunicorn: worker [app]", a title that the
 * process gave itself, as it is; otherwise the program's base name. A part of `command`. */
struct lt_str lt_process_name(struct lt_str command);

#endif
