#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where it runs: interpreters wherever they lie, in whatever namespace, however they came to be; and what is said
where the kernel forbids to look."""

import collections
import contextlib
import ctypes
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from lt_e2e import LIVE_TRACE, VERSIONS, TraceTest, info, interpreters, read, version_of

NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

# For a time in seconds: one thread has the GIL and works, one waits.
WORK = """
import sys, threading, time
def waits():
    time.sleep(seconds)
def works():
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.8
waiter = threading.Thread(target=waits, name="waiter")
waiter.start()
print("ready", flush=True)
works()
waiter.join()
"""

EMBEDDER = """
#include <Python.h>
int main(int argc, char **argv)
{
    Py_Initialize();
    int failed = argc > 1 ? PyRun_SimpleString(argv[1]) : 2;
    Py_Finalize();
    return failed != 0;
}
"""

# Python comes late, and not to the first thread.
LATE_EMBEDDER = """
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static char **arguments;
static void *python(void *unused)
{
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_GLOBAL);
    if (!library)
        return puts(dlerror()), unused;
    ((void (*)(void))dlsym(library, "Py_Initialize"))();
    ((int (*)(const char *, void *))dlsym(library, "PyRun_SimpleStringFlags"))(arguments[2], NULL);
    ((void (*)(void))dlsym(library, "Py_Finalize"))();
    return unused;
}
int main(int argc, char **argv)
{
    pthread_t thread;
    arguments = argv;
    usleep(800000);
    pthread_create(&thread, NULL, python, NULL);
    pthread_join(thread, NULL);
    return argc < 3;
}
"""

VFORK = """
#include <unistd.h>
void vfork_slowly(void)
{
    if (vfork() == 0) {
        usleep(500000);
        execl("/bin/true", "true", (char *)0);
        _exit(1);
    }
}
"""


def can(*command):
    """Does a command succeed here?"""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=20, check=False).returncode == 0
    except OSError:
        return False


def needs(reason, *command):
    return unittest.skipUnless(can(*command), f"{reason}: `{' '.join(command)}` fails")


needs_mounts = needs("mount namespaces", "unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt")
needs_pids = needs("PID namespaces", "unshare", "-pf", "--mount-proc", "true")
needs_users = needs("user namespaces", "unshare", "-U", "-r", "true")
needs_other_user = needs("another user", *AS_NOBODY, "true")


def asked(python, expression):
    return subprocess.run([python, "-c", f"import sys, sysconfig; print({expression})"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout.strip()


@functools.lru_cache(maxsize=None)
def pythons():
    """[((major, minor), path)]: one of each version, and the distribution's own."""
    found = sorted(interpreters().items())
    system = "/usr/bin/python3"
    version = version_of(system) if os.path.exists(system) else None
    if version in VERSIONS and os.path.realpath(system) not in dict(found).values():
        found.append((version, os.path.realpath(system)))
    return found


def shared_library(python):
    """libpython of an interpreter, or None."""
    path = asked(python, "'/'.join(map(str, sysconfig.get_config_vars('LIBDIR', 'INSTSONAME')))")
    return path if ".so" in path and os.path.exists(path) else None


def is_linked_to_library(python):
    with open(python, "rb") as file:
        return b"libpython3." in file.read() and ".so" in asked(python, "sysconfig.get_config_var('LDLIBRARY')")


class PlacesTest(TraceTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.work = self.script(WORK, "work.py")
        self.python = os.path.realpath(sys.executable)

    @contextlib.contextmanager
    def running(self, *command, **options):
        """A program that has said "ready"; it is ended when that is over."""
        with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                              start_new_session=True, **options) as process:
            try:
                self.assertEqual(process.stdout.readline(), "ready\n")
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def run_command(self, *command, before=(), **options):
        """`live-trace run -- command`, itself behind the words of `before`; its standard error."""
        done = subprocess.run([*before, LIVE_TRACE, "run", "-o", self.trace, "-r", "200", "--", *command],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                              env=self.environment, cwd=self.folder, timeout=60, check=False, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def attach(self, pid, before=(), seconds="0.6"):
        done = subprocess.run([*before, LIVE_TRACE, "attach", "-o", self.trace, "-r", "200", "-d", seconds, str(pid)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def check_work(self, at_least=60, file="work.py"):
        """The recording is that of WORK: who works has the GIL and a processor, who waits has neither."""
        _, samples, health = read(self.trace)
        working = [s for s in samples if s["stack"][-1]["name"] == "works"]
        waiting = [s for s in samples if s["thread"] == "waiter" and s["stack"][-1]["name"] == "waits"]
        self.assertGreater(len(working), at_least, health)
        self.assertGreater(len(waiting), at_least, health)
        self.assertGreater(sum(s["state"] == "cpu" and s["gil"] for s in working), 0.8 * len(working))
        # On a busy machine it waits for a processor after each sleep, and counts as one that wants it.
        self.assertGreater(sum(s["state"] == "wait" for s in waiting), 0.7 * len(waiting))
        self.assertLess(sum(s["gil"] for s in waiting), 0.1 * len(waiting))
        self.assertEqual({os.path.basename(s["stack"][-1]["file"]) for s in working}, {file})
        self.assertLessEqual(sum(health["failed"].values()), 0.05 * health["asked"], health)
        return samples

    def compiled(self, source, name, *flags):
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            self.skipTest("no C compiler")
        source = self.script(source, f"{name}.c")
        done = subprocess.run([compiler, "-o", self.path(name), source, *flags], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            self.skipTest(f"cannot be compiled: {done.stdout.strip().splitlines()[-1]}")
        return self.path(name)


class Interpreters(PlacesTest):
    """It is found by what it is, not by its name or place."""

    def copies(self):
        """(version, copy, environment) of an interpreter of each kind: with its own code, with libpython."""
        kinds = {}
        for version, python in pythons():
            kinds.setdefault(is_linked_to_library(python), (version, python))
        for linked, (version, python) in kinds.items():
            folder = tempfile.mkdtemp(dir=self.folder)
            copy = shutil.copy(python, os.path.join(folder, "teller"))
            environment = dict(self.environment, PYTHONHOME=asked(python, "sys.base_prefix"))
            if linked:
                shutil.copy(shared_library(python), folder)
                environment["LD_LIBRARY_PATH"] = folder
            yield version, copy, environment

    def test_renamed_and_copied(self):
        for version, copy, environment in self.copies():
            with self.subTest(version=version):
                self.environment = environment
                self.run_command(copy, self.work)
                self.check_work()

    def test_deleted_while_it_runs(self):
        """Its files are read through /proc or, without the right to do that, from memory."""
        without_files = ["setpriv", "--bounding-set", "-sys_admin,-checkpoint_restore",
                         "--inh-caps", "-sys_admin,-checkpoint_restore"]
        for version, copy, environment in self.copies():
            for before in ((), without_files):
                if before and not can(*before, "true"):
                    continue
                with self.subTest(version=version, before=before):
                    folder = shutil.copytree(os.path.dirname(copy), tempfile.mkdtemp(dir=self.folder) + "/gone")
                    there = dict(environment)
                    if "LD_LIBRARY_PATH" in there:
                        there["LD_LIBRARY_PATH"] = folder
                    with self.running(os.path.join(folder, "teller"), self.work, "20", env=there) as target:
                        shutil.rmtree(folder)
                        self.attach(target.pid, before)
                    self.check_work()

    def test_virtual_environments(self):
        for option in ("--symlinks", "--copies"):
            with self.subTest(option):
                venv = self.path("venv" + option)
                subprocess.run([self.python, "-m", "venv", "--without-pip", option, venv], check=True)
                self.environment["VIRTUAL_ENV"] = venv
                del self.environment["LIVE_TRACE_PYTHON"]
                prefix = self.script("import sys\nprint(sys.prefix)\n" + WORK, "prefix.py")
                done = self.live_trace("run", "-q", "-o", self.trace, "-r", "200", prefix)
                self.environment["LIVE_TRACE_PYTHON"] = sys.executable
                self.assertEqual(done.stdout, venv + "\nready\n", done.stderr)
                self.check_work(file="prefix.py")

    def test_each_kind_of_linking(self):
        """Both are among those of the other tests."""
        kinds = {is_linked_to_library(python) for _, python in pythons()}
        if kinds != {True, False}:
            self.skipTest(f"only interpreters {'with' if True in kinds else 'without'} libpython")

    def embedding(self):
        for version, python in [pythons()[0], *pythons()[-2:]]:
            include = asked(python, "sysconfig.get_path('include')")
            if os.path.exists(os.path.join(include, "Python.h")):
                yield version, python, include

    def test_embedded_with_library(self):
        ran = 0
        for version, python, include in self.embedding():
            library = shared_library(python)
            if not library:
                continue
            with self.subTest(version=version):
                ran += 1
                program = self.compiled(EMBEDDER, "teller", f"-I{include}", library,
                                        f"-Wl,-rpath,{os.path.dirname(library)}")
                self.environment["PYTHONHOME"] = asked(python, "sys.base_prefix")
                self.run_command(program, WORK)
                self.check_work(file="<string>")
        if not ran:
            self.skipTest("no interpreter with Python.h and libpython.so")

    def test_embedded_statically(self):
        ran = 0
        for version, python, include in self.embedding():
            archive = asked(python, "'/'.join([sysconfig.get_config_var('LIBDIR'), "
                                    "sysconfig.get_config_var('MULTIARCH') or '',"
                                    "'libpython' + sysconfig.get_config_var('LDVERSION') + '.a'])")
            if not os.path.exists(archive):
                archive = os.path.join(os.path.dirname(os.path.dirname(archive)), os.path.basename(archive))
            if not os.path.exists(archive):
                continue
            libraries = ["-lm", "-ldl", "-lpthread", "-lutil", "-lexpat", "-lz"]
            # Without symbols the runtime is found by its section, which came with 3.11.
            for flags in (["-no-pie"], ["-no-pie", "-s"])[:2 if version >= (3, 11) else 1]:
                with self.subTest(version=version, flags=flags):
                    ran += 1
                    program = self.compiled(EMBEDDER, "teller", f"-I{include}", archive, *flags, *libraries)
                    self.environment["PYTHONHOME"] = asked(python, "sys.base_prefix")
                    self.run_command(program, WORK)
                    self.check_work(file="<string>")
        if not ran:
            self.skipTest("no interpreter with Python.h and libpython.a")

    def test_library_is_loaded_late(self):
        ran = 0
        for version, python in (pythons()[0], pythons()[-1]):
            library = shared_library(python)
            if not library:
                continue
            with self.subTest(version=version):
                ran += 1
                program = self.compiled(LATE_EMBEDDER, "teller", "-ldl", "-lpthread")
                self.environment["PYTHONHOME"] = asked(python, "sys.base_prefix")
                self.run_command(program, library, WORK.replace("0.8", "1.5"))
                self.check_work(file="<string>")
        if not ran:
            self.skipTest("no libpython.so")

    def test_changes_its_name(self):
        rename = """import ctypes; ctypes.CDLL(None).prctl(15, b"web ) (1 R 2", 0, 0, 0)  # PR_SET_NAME"""
        self.run_command(self.python, self.script(rename + WORK, "work.py"))
        self.check_work()


class Namespaces(PlacesTest):
    MOUNTS = """
        set -e
        mount -t tmpfs none {root}
        for name in bin etc lib lib64 proc usr {python_root} dev; do
            mkdir -p {root}/$name
            mount --rbind /$name {root}/$name
        done
        mkdir {root}/app
        cp {work} {root}/app/work.py
    """

    def mounts(self):
        root = self.path("root")
        os.makedirs(root, exist_ok=True)
        return root, self.MOUNTS.format(root=root, work=self.work, python_root=sys.base_prefix.lstrip("/"))

    def check_source(self):
        done = self.live_trace("analyze", "--by", "line", self.trace)
        self.assertIn("    while time.monotonic() < end: pass", done.stdout)

    @needs_mounts
    def test_root_in_another_mount_namespace(self):
        """Paths of the target lead nowhere for us."""
        root, mounts = self.mounts()
        self.run_command("unshare", "-m", "sh", "-c", f"{mounts}\n exec chroot {root} {self.python} /app/work.py")
        self.check_work()
        self.check_source()

    @needs_mounts
    def test_root_in_our_mount_namespace(self):
        """The kernel shows the target's files by our names."""
        root, mounts = self.mounts()
        self.run_command("chroot", root, self.python, "/app/work.py",
                         before=["unshare", "-m", "sh", "-c", mounts + '\n exec "$@"', "sh"])
        self.check_work()
        self.check_source()

    @needs_mounts
    def test_interpreter_in_a_hidden_mount(self):
        """Another file has its path for us, and its source file another text."""
        hidden = self.path("hidden")
        os.makedirs(hidden)
        with open(os.path.join(hidden, "work.py"), "w", encoding="utf-8") as file:
            file.write("raise SystemError\n" * 40)
        with open(os.path.join(hidden, "teller"), "w", encoding="utf-8") as file:
            file.write("no program")
        self.environment["PYTHONHOME"] = sys.base_prefix
        self.run_command("unshare", "-m", "sh", "-c", f"mount -t tmpfs none {hidden} && cp {self.python} {hidden}/teller"
                         f" && cp {self.work} {hidden} && exec {hidden}/teller {hidden}/work.py")
        self.check_work()
        self.check_source()

    def check_threads(self, script="work.py"):
        """Threads have the ids that /proc of here has for them."""
        samples = self.check_work(file=script)
        tids = {s["tid"] for s in samples}
        pids = {s["pid"] for s in samples}
        self.assertEqual(len(pids), 1)
        self.assertEqual({s["tid"] for s in samples if s["thread"] == "MainThread"}, pids)
        self.assertEqual(len(tids), 2)
        self.assertTrue(all(min(pids) <= tid < min(pids) + 10000 for tid in tids), (pids, tids))

    @needs_pids
    def test_pid_namespace(self):
        """Its ids are small numbers: 1 for the process itself."""
        for version, python in pythons()[::2]:
            with self.subTest(version=version):
                self.run_command("unshare", "-pf", "--mount-proc", python, self.work)
                self.check_threads()

    @needs_pids
    def test_attach_to_pid_namespace(self):
        python = pythons()[0][1]
        with self.running("unshare", "-pf", "--mount-proc", "--kill-child", python, self.work, "20") as unshare:
            with open(f"/proc/{unshare.pid}/task/{unshare.pid}/children", encoding="ascii") as children:
                target = int(children.read())
            self.attach(target)
        self.check_threads()

    @needs_users
    def test_user_namespace(self):
        self.run_command("unshare", "-U", "-r", self.python, self.work)
        self.check_work()

    @needs_users
    def test_all_of_it_in_a_container(self):
        before = ["unshare", "-U", "-r", "-m", "-p", "-f", "--mount-proc"]
        if not can(*before, "true"):
            self.skipTest(f"`{' '.join(before)}` fails")
        self.run_command(self.python, self.work, before=before)
        self.check_work()


class Users(PlacesTest):
    def setUp(self):
        super().setUp()
        self.python = self.for_everybody()
        self.live_trace_copy = shutil.copy(LIVE_TRACE, self.path("live-trace"))
        os.mkdir(self.path("theirs"))
        os.chmod(self.path("theirs"), 0o777)
        self.theirs = dict(self.environment, LIVE_TRACE_DIR=self.path("theirs/traces"), LIVE_TRACE_PYTHON=self.python,
                           HOME=self.path("theirs"))

    def for_everybody(self):
        """Not started by setpriv itself, which still has its rights."""
        for _, python in pythons():
            if can(*AS_NOBODY, "sh", "-c", '"$0" -c "import threading"', python):
                return python
        return self.skipTest("no interpreter that another user can run")

    def refused(self, pid, *before):
        done = subprocess.run([*before, self.live_trace_copy, "attach", str(pid)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=self.theirs, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Alive-trace: reading process \d+ is not permitted: [^\n]*\n\Z")
        self.assertEqual(os.listdir(self.path("theirs/traces")), [])
        return done.stderr

    @needs_other_user
    def test_run_needs_nothing_special(self):
        done = subprocess.run([*AS_NOBODY, self.live_trace_copy, "run", "-r", "200", self.work], env=self.theirs,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/", check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "ready\n"), done.stderr)
        [trace] = os.listdir(self.path("theirs/traces"))
        shutil.copy(os.path.join(self.path("theirs/traces"), trace), self.trace)
        self.check_work()

    @needs_other_user
    def test_root_attaches_to_anybody(self):
        with self.running(*AS_NOBODY, self.python, self.work, "20") as target:
            self.attach(target.pid)
        self.check_work()

    @needs_other_user
    def test_another_users_process(self):
        with self.running(self.python, self.work, "20") as target:
            self.assertRegex(self.refused(target.pid, *AS_NOBODY), "another user's: .* root .* CAP_SYS_PTRACE")

    @needs_other_user
    def test_container_without_the_capability(self):
        without = ["setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace"]
        if not can(*without, "true"):
            self.skipTest("no right to give up CAP_SYS_PTRACE")
        with self.running(self.python, self.work, "20") as target:
            self.assertIn("`--cap-add SYS_PTRACE`", self.refused(target.pid, *without))

    @needs_other_user
    def test_yama(self):
        switch = "/proc/sys/kernel/yama/ptrace_scope"
        if not os.access(switch, os.W_OK):
            self.skipTest("kernel without Yama" if not os.path.exists(switch) else "no right to set ptrace_scope")
        with open(switch, encoding="ascii") as file:
            before = file.read()
        try:
            with open(switch, "w", encoding="ascii") as file:
                file.write("1")
            with self.running(*AS_NOBODY, self.python, self.work, "20") as target:
                self.assertIn("kernel.yama.ptrace_scope is 1", self.refused(target.pid, *AS_NOBODY))
        finally:
            with open(switch, "w", encoding="ascii") as file:
                file.write(before)


class SeveralInterpreters(PlacesTest):
    SUBINTERPRETERS = """
        import sys, threading, time
        try:
            import _interpreters as interpreters
            create, run = interpreters.create, interpreters.exec
        except ImportError:
            import _xxsubinterpreters as interpreters
            create, run = interpreters.create, interpreters.run_string
        CODE = '''
        import time
        def in_sub(seconds):
            end = time.monotonic() + seconds
            while time.monotonic() < end: pass
        in_sub({})
        '''.replace("\\n        ", "\\n")
        def in_main(seconds):
            end = time.monotonic() + seconds
            while time.monotonic() < end: pass
        def into_sub(seconds):
            interpreter = create()
            run(interpreter, CODE.format(seconds))
            interpreters.destroy(interpreter)
            went.add(threading.get_native_id())
        went = set()
        threads = [threading.Thread(target=into_sub, args=(0.4,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        in_main(0.4)
        for _ in range(20):
            into_sub(0.02)
        in_main(0.2)
        print(*went)
    """

    def test_that_come_and_go(self):
        for version, python in pythons():
            with self.subTest(version=version):
                done = self.live_trace("run", "-q", "-o", self.trace, self.script(self.SUBINTERPRETERS), python=python)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                _, samples, health = read(self.trace)
                self.assertLessEqual(sum(health["failed"].values()), 0.03 * health["asked"], health)
                main = [s for s in samples if s["stack"][-1]["name"] == "in_main"]
                self.assertGreater(len(main), 45)
                self.assertGreater(sum(s["state"] == "cpu" and s["gil"] for s in main), 0.9 * len(main))
                subs = [s for s in samples if s["stack"][-1]["name"] == "in_sub"]
                self.assertEqual({s["tid"] for s in subs}, set(map(int, done.stdout.split())))
                # One thread is on one processor, whichever of its stacks it is that runs. The main interpreter's stack of
                # the main thread is always there: it counts the ticks, of which two may have the same time.
                ticks = collections.Counter(s["t"] for s in samples if s["tid"] == s["pid"]
                                            and os.path.basename(s["stack"][0]["file"]) == "script.py")
                at_once = collections.Counter((s["t"], s["tid"]) for s in samples if s["state"] == "cpu")
                self.assertEqual([at for at, n in at_once.items() if n > ticks[at[0]] > 0], [])
                self.assertEqual(len(info(self.trace)["processes"]), 1)


class Processes(PlacesTest):
    def samples_of(self, *names):
        """{name: number of samples with that function innermost}"""
        found = collections.Counter(s["stack"][-1]["name"] for s in read(self.trace)[1])
        return [found[name] for name in names]

    def test_through_shell_scripts(self):
        script = self.script(f"#!{self.python}\n{WORK}", "tool")
        os.chmod(script, 0o755)
        wrapper = self.script(f"#!/bin/sh\ntrue\nexec '{script}' \"$@\"\n", "wrapper")
        os.chmod(wrapper, 0o755)
        for command in (["sh", "-c", f"sleep 0.1; exec {self.python} {script}"], ["sh", "-c", f"{script}; true"],
                        [script], [wrapper]):
            with self.subTest(command):
                self.run_command(*command)
                self.check_work(file="tool")

    def test_first_python_behind_a_shell_without_children(self):
        script = self.script(f"""
            import subprocess, sys
            subprocess.run([sys.executable, {self.work!r}, "0.5"])
        """)
        self.live_trace("run", "-q", "-o", self.trace, "--no-children", "--", "sh", "-c",
                        f"{self.python} {script}; true")
        [process] = info(self.trace)["processes"]
        self.assertTrue(process["command"].endswith(script), process)

    def test_exec(self):
        """From Python to the same Python, to another program, and back."""
        script = self.script("""
            import os, sys, time
            def works():
                end = time.monotonic() + 0.7
                while time.monotonic() < end: pass
            def works_again():
                end = time.monotonic() + 0.7
                while time.monotonic() < end: pass
            step = sys.argv[1]
            (works if step == "first" else works_again)()
            if step == "first":
                os.execv(sys.executable, [sys.executable, __file__, "second"])
            if step == "second":
                os.execv("/bin/sh", ["sh", "-c", f"sleep 0.3; exec {sys.executable} {__file__} third"])
        """)
        for python in {self.python, *[python for _, python in pythons() if not is_linked_to_library(python)]}:
            with self.subTest(python):
                self.run_command(python, script, "first")
                first, later = self.samples_of("works", "works_again")
                self.assertGreater(first, 100)
                self.assertGreater(later, 230)
                processes = info(self.trace)["processes"]
                self.assertEqual([process["command"].split()[-1] for process in processes], ["first", "second", "third"])
                self.assertEqual(len({process["pid"] for process in processes}), 1)

    def test_fork_without_exec(self):
        self.run_command(self.python, self.script("""
            import os, time
            def works(seconds):
                end = time.monotonic() + seconds
                while time.monotonic() < end: pass
            for depth in range(3):  # child, grandchild, ...
                if os.fork():
                    os.wait()
                    break
            else:
                works(0.4)
        """))
        self.assertGreater(self.samples_of("works")[0], 50)
        self.assertEqual(len(info(self.trace)["processes"]), 4)

    def test_daemon_outlives_its_parent(self):
        """Nobody is left above it whose children could be asked for."""
        self.run_command(self.python, self.script("""
            import os, time
            def daemon():
                end = time.monotonic() + 0.8
                while time.monotonic() < end: pass
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    daemon()
                os._exit(0)
            os.wait()
            time.sleep(1)
        """))
        self.assertGreater(self.samples_of("daemon")[0], 120)

    def test_attached_parent(self):
        """The children that a process has already are found at once, each time, also if it is no Python itself."""
        with self.running("timeout", "60", self.python, self.work, "50", env=self.environment) as parent:
            for _ in range(6):
                self.attach(parent.pid)
                self.check_work(20)

    def test_attached_daemon(self):
        """A child that was seen is followed when its parent is gone."""
        script = self.script("""
            import os, time
            def daemon():
                end = time.monotonic() + 1.5
                while time.monotonic() < end: pass
            print("ready", flush=True)
            time.sleep(0.6)
            if os.fork() == 0:
                if os.fork() == 0:
                    daemon()
                time.sleep(0.2)
                os._exit(0)
            time.sleep(5)
        """)
        with self.running(self.python, script) as target:
            self.attach(target.pid, seconds="2")
        self.assertGreater(self.samples_of("daemon")[0], 150)

    def test_process_pool_executor(self):
        self.run_command(self.python, self.script("""
            import concurrent.futures, time
            def works(seconds):
                end = time.monotonic() + seconds
                while time.monotonic() < end: pass
            if __name__ == "__main__":
                with concurrent.futures.ProcessPoolExecutor(2) as pool:
                    list(pool.map(works, [0.2] * 6))
        """))
        pids = {s["pid"] for s in read(self.trace)[1] if s["stack"][-1]["name"] == "works"}
        self.assertEqual(len(pids), 2)

    def test_child_of_vfork_is_no_python(self):
        """Until its exec it has its parent's memory, and no stacks of its own."""
        library = self.compiled(VFORK, "vfork.so", "-shared", "-fPIC")
        ctypes.CDLL(library)  # can be loaded, or this test would not fail
        self.run_command(self.python, self.script(f"""
            import ctypes, time
            library = ctypes.CDLL({library!r})
            time.sleep(0.2)
            library.vfork_slowly()
        """))
        self.assertEqual(len(info(self.trace)["processes"]), 1)

    MANY = """
        import os, subprocess, sys, time
        CHILD = '''
        import time
        def child():
            end = time.monotonic() + 0.05
            while time.monotonic() < end: time.sleep(0.005)
        '''.replace("\\n        ", "\\n")
        exec(CHILD)
        due, started = time.monotonic(), []
        for number in range(150):
            if number % 2:
                started.append(subprocess.Popen([sys.executable, "-S", "-E", "-c", CHILD + "child()"]))
            else:
                pid = os.fork()
                if pid == 0:
                    child()
                    os._exit(0)
                started.append(pid)
            due += 0.02
            time.sleep(max(0, due - time.monotonic()))
        for process in started:
            os.waitpid(process, 0) if isinstance(process, int) else process.wait()
    """

    def test_fifty_children_a_second(self):
        command = [LIVE_TRACE, "run", "-q", "-o", self.trace, "-r", "200", self.script(self.MANY)]
        descriptors, resident = [], []
        with subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL) as collector:
            while collector.poll() is None:
                time.sleep(0.2)
                with contextlib.suppress(OSError):
                    descriptors.append(len(os.listdir(f"/proc/{collector.pid}/fd")))
                    with open(f"/proc/{collector.pid}/status", encoding="ascii") as status:
                        resident += map(int, re.findall(r"VmRSS:\s+(\d+) kB", status.read()))
        self.assertEqual(collector.returncode, 0)
        pids = {s["pid"] for s in read(self.trace)[1] if s["stack"][-1]["name"] == "child"}
        # A busy machine may keep us from running while one lives.
        self.assertGreaterEqual(len(pids), 148 if os.getloadavg()[0] < os.cpu_count() else 75)
        self.assertLess(max(descriptors), 60, descriptors)
        self.assertLess(max(resident), 20000, resident)


class NothingThere(PlacesTest):
    """A recording of nothing."""

    def traces(self):
        return os.listdir(self.path("traces"))

    def test_leaves_no_file(self):
        done = self.live_trace("run", "--", "sh", "-c", "exit 5")
        self.assertEqual(done.returncode, 5)
        self.assertRegex(done.stderr, r"\Alive-trace: nothing was sampled: [^\n]*\n\Z")
        self.assertEqual(self.traces(), [])
        self.assertEqual(self.live_trace("run", "--", "no-such-program").returncode, 127)
        self.assertEqual(self.traces(), [])

    def test_keeps_the_file_that_was_asked_for(self):
        done = self.live_trace("run", "-o", self.trace, "--", "sh", "-c", "exit 5")
        self.assertEqual(done.returncode, 5)
        self.assertEqual(info(self.trace)["stack_samples"], 0)
        self.assertTrue(info(self.trace)["complete"])
        done = self.live_trace("analyze", self.trace)
        self.assertIn("is empty", done.stderr)

    def test_attach_removes_only_files(self):
        with subprocess.Popen(["sleep", "20"]) as target:
            os.symlink(os.devnull, self.path("link"))
            for name, stays in ((self.path("link"), True), (self.path("file"), False)):
                self.assertEqual(self.live_trace("attach", "-o", name, str(target.pid)).returncode, 1)
                self.assertEqual(os.path.lexists(name), stays)
            target.kill()


if __name__ == "__main__":
    unittest.main()
