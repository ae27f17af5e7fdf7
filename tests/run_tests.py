#!/usr/bin/python3
"""Runs every test that this machine can run, and counts.

  run_tests.py [GROUP ...]      groups, in this order: lint unit coverage asan tsan clang system interop; default all
  run_tests.py --only TEXT      of system and interop, only files whose name holds TEXT
  run_tests.py --jobs N         of system and interop, so many files at a time (default: one more than processors, 4 at most)

One line per test: PASS, FAIL or SKIP, its name, and for the last two the reason. A failing test's log is kept
under build/test-logs and its end is printed. Then what each group took and the slowest tests. The last line
is `N passed, N failed, N skipped`; the exit status is 1 if anything failed or nothing passed.

System and interop tests wait more than they compute, so several files run at a time and each prints its lines
whole when it ends. Those of ALONE run by themselves afterwards, of those of GUEST one at a time.

A system or interop test is an executable file test_*, esp_* or dp_* in tests/system or tests/interop. What
it prints on lines that start with PASS, FAIL or SKIP counts one by one; a file that prints none counts as
one, by its exit status: 0 passed, 77 skipped (its last line is the reason), anything else failed. A file that
exits with another status than its lines promise has failed, too.

A system or interop file that failed runs once more at the end, by itself, and that run counts: these tests hold
real clocks and real peers against each other, and a machine that stops for a second fails them. What failed at first
is printed with its log, and again in the summary: one `unsteady:` line for each case, which says why it failed, how the
second run ended, and where the first one's log is. The last line then counts these, too: `..., N unsteady`.
"""
import argparse
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
LOGS = os.path.join(ROOT, "build", "test-logs")
GROUPS = ("lint", "unit", "coverage", "asan", "tsan", "clang", "system", "interop")
NEED_BUILD = {"unit", "coverage", "system", "interop"}
FILE_LIMIT_S = {"system": 900, "interop": 1500}
TAIL = 40
SLOWEST = 10
# Files that nothing may run beside, and why.
ALONE = {
    "system/dp_limits": "holds rates against the clock",
    "system/test_bench": "compares rates",
    "system/test_figures": "two workers that poll, on processors of their own",
    "system/test_many_sas": "4 GB of memory, and times of its own",
    "system/test_offload": "compares rates",
    "system/test_pktgen": "two polling programs count the same packets",
    "interop/test_cryptodev_fails": "measures the longest gap between packets",
    "interop/test_restart": "measures how long forwarding stops",
    "interop/test_throughput": "compares rates, on processors of its own",
}
# Files that boot a guest: its emulation takes a processor for itself. They start first, being the longest.
GUEST = ("interop/test_drivers_guest", "interop/test_plain_esp", "interop/test_ikev1_guest", "interop/test_crypto_map6_guest", "interop/test_transport", "interop/test_ah")


class Results:
    def __init__(self):
        self.passed, self.failed, self.skipped, self.unsteady, self.seconds = [], [], [], [], []

    def take(self, verdict, name, note=""):
        """A note of seconds, or one that ends with them, counts for the list of the slowest."""
        {"PASS": self.passed, "FAIL": self.failed, "SKIP": self.skipped}[verdict].append((name, note))
        took = re.search(r"(?:^| )(\d+(?:\.\d+)?) s$", note)
        if took:
            self.seconds.append((float(took.group(1)), name))
        print("%s %s%s" % (verdict, name, "  (%s)" % note if note else ""), flush=True)

    def second(self, name):
        """What came of a case, or of a whole file, that failed at first."""
        def of(names):
            return any(n == name or n.startswith(name + ": ") for n, _ in names)
        return "failed again" if of(self.failed) else "passed when it ran again" if of(self.passed) else "did not get as far again"


results = Results()


def heading(text):
    print("\n== %s" % text, flush=True)


def tail(path, lines=TAIL):
    try:
        with open(path, errors="replace") as f:
            text = f.read().splitlines()[-lines:]
    except OSError:
        return
    print("   --- end of %s" % os.path.relpath(path, ROOT))
    for line in text:
        print("   | %s" % line)
    sys.stdout.flush()


def logged(name, argv, env=None, limit=3600, show=None):
    """Runs argv in a process group of its own with its output in a log. `show(line)` sees each line.
    Returns (status, log path, lines)."""
    os.makedirs(LOGS, exist_ok=True)
    path = os.path.join(LOGS, re.sub(r"[^\w.-]", "_", name) + ".log")
    environment = dict(os.environ)
    environment.update(env or {})
    lines = []
    with open(path, "w") as log:
        process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace", env=environment,
                                   start_new_session=True)
        running.append(process)
        if stopping.is_set():
            end_groups([process])
        timer = threading.Timer(limit, end_groups, ([process],))
        timer.start()
        for line in process.stdout:
            log.write(line)
            log.flush()
            lines.append(line.rstrip("\n"))
            if show:
                show(lines[-1])
        status = process.wait()
        timed_out = not timer.is_alive()
        timer.cancel()
        running.remove(process)
        if timed_out:
            log.write("ended after %d s: too long\n" % limit)
            lines.append("ended after %d s: too long" % limit)
            status = status or 1
    return status, path, lines


running = []
stopping = threading.Event()


def end_groups(processes):
    """Asks tests to end, which lets them clean up; insists after some time."""
    for sig, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 10)):
        for p in processes:
            try:
                os.killpg(p.pid, sig)
            except ProcessLookupError:
                pass
        end = time.monotonic() + patience
        while any(p.poll() is None for p in processes):
            if time.monotonic() > end:
                break
            time.sleep(0.1)
        else:
            return


def on_signal(number, _frame):
    stopping.set()
    end_groups(list(running))
    sys.exit(128 + number)


# The note is what stands in the last parentheses: a title may have some, too.
VERDICT = re.compile(r"^(PASS|FAIL|SKIP) (\S.*?)(?:\s+\(((?:[^()]|\([^()]*\))*)\))?$")


class FileRun:
    """One executable that speaks PASS, FAIL and SKIP. run() in any thread, told() or failed_first() in one. live: shows its verdicts
    as they come. again: what its log's name has more, for a second run."""

    def __init__(self, group, file, live=False, again=""):
        self.group, self.file, self.path = group, file, os.path.join(ROOT, "tests", group, file)
        self.live, self.again = live, again
        self.name = "%s/%s" % (group, os.path.splitext(file)[0])
        self.verdicts, self.seconds = [], 0.0

    def line(self, line):
        m = VERDICT.match(line)
        if m:
            self.verdicts.append((m.group(1), "%s: %s" % (self.name, m.group(2)), m.group(3) or ""))
            if self.live:
                print("   | %s" % line, flush=True)

    def run(self):
        started = time.monotonic()
        try:
            self.status, self.log, self.lines = logged(self.name + self.again, [self.path], limit=FILE_LIMIT_S[self.group], show=self.line)
        except OSError as e:  # not a program
            self.status, self.log, self.lines = e, "", []
        self.seconds = time.monotonic() - started
        return self

    def failed(self):
        return self.status not in (0, 77) or any(v[0] == "FAIL" for v in self.verdicts)

    def ended(self):
        """How, if not well, and its last words: for a file whose own lines do not tell."""
        words = [line.strip() for line in self.lines if line.strip()][-1:]
        return "exit %s%s%s" % (self.status, " after its last test" if self.verdicts else "",
                                ": " + words[0][:200] if words and not VERDICT.match(words[0]) else "")

    def failed_first(self):
        """Prints what failed, which does not count: the file runs again."""
        reasons = [v for v in self.verdicts if v[0] == "FAIL"] or [("FAIL", self.name, self.ended())]
        for _, name, note in reasons:
            results.unsteady.append((name, note, self.log))
            print("AGAIN %s  (%s)" % (name, note), flush=True)
        tail(self.log)

    def told(self):
        for v in self.verdicts:
            results.take(*v)
        name = self.group + ", one file after the other"
        group_seconds[name] = group_seconds.get(name, 0) + self.seconds
        took = "%.1f s" % self.seconds
        if not self.verdicts:
            if self.status == 77:
                results.take("SKIP", self.name, self.lines[-1] if self.lines else "no reason given")
            else:
                results.take("FAIL" if self.status else "PASS", self.name, "%s, %s" % (self.ended(), took) if self.status else took)
        elif self.status not in (0, 77) and not any(v[0] == "FAIL" for v in self.verdicts):
            results.take("FAIL", self.name, self.ended())
        if self.verdicts and not any(re.search(r"\d s$", v[2]) for v in self.verdicts):
            results.seconds.append((self.seconds, self.name))
        if self.failed():
            tail(self.log)


def group_lint(_only):
    heading("lint")
    counted = []

    def show(line):
        m = VERDICT.match(line)
        if m:
            counted.append(m.group(1))
            results.take(m.group(1), m.group(2), m.group(3) or "")
        else:
            print(line, flush=True)

    status, log, _ = logged("lint", [sys.executable, "tests/lint/lint.py"], show=show)
    if status != 0 and "FAIL" not in counted:
        results.take("FAIL", "lint", "exit %d" % status)
        tail(log)


def meson_build(directory, setup, env=None, label=None, targets=()):
    """Sets a build directory up if needed and builds it (or the targets); False and a FAIL line when it does not build."""
    label = label or directory
    stamp, wanted = os.path.join(ROOT, directory, "set-up-with"), " ".join(setup)
    if os.path.exists(stamp) and open(stamp).read() != wanted:
        shutil.rmtree(os.path.join(ROOT, directory))
    if not os.path.exists(os.path.join(ROOT, directory, "build.ninja")):
        shutil.rmtree(os.path.join(ROOT, directory), ignore_errors=True)
        status, log, _ = logged("%s-setup" % label, ["meson", "setup", directory] + setup, env=env)
        if status != 0:
            results.take("FAIL", "%s set-up" % label)
            tail(log)
            return False
        with open(stamp, "w") as f:
            f.write(wanted)
    started = time.monotonic()
    status, log, _ = logged("%s-build" % label, ["ninja", "-C", directory, *targets], env=env)
    if status != 0:
        results.take("FAIL", "%s compiles" % label)
        tail(log)
        return False
    results.take("PASS", "%s compiles" % label, "%.0f s" % (time.monotonic() - started))
    return True


def meson_tests(directory, label, wrapper_env=None, suites=("unit", "dialogue")):
    argv = ["meson", "test", "-C", directory, "--no-rebuild", "--timeout-multiplier", "4"]
    for s in suites:
        argv += ["--suite", s]
    json_log = os.path.join(ROOT, directory, "meson-logs", "testlog.json")
    if os.path.exists(json_log):
        os.unlink(json_log)
    status, log, _ = logged("%s-tests" % label, argv, env=wrapper_env)
    counted = 0
    if os.path.exists(json_log):
        with open(json_log) as f:
            for line in f:
                t = json.loads(line)
                counted += 1
                name = "%s: %s" % (label, t["name"].split(" / ")[-1])
                if t["result"] in ("OK", "EXPECTEDFAIL"):
                    results.take("PASS", name, "%.1f s" % t.get("duration", 0))
                elif t["result"] == "SKIP":
                    results.take("SKIP", name, (t.get("stdout") or "").strip().splitlines()[-1:] or "")
                else:
                    results.take("FAIL", name, t["result"].lower())
                    one = os.path.join(LOGS, re.sub(r"[^\w.-]", "_", name) + ".log")
                    with open(one, "w") as out:
                        out.write(t.get("stdout", "") + t.get("stderr", ""))
                    tail(one)
    if counted == 0:
        results.take("FAIL", "%s tests" % label, "none ran, exit %d" % status)
        tail(log)
    elif status != 0 and not results.failed:
        results.take("FAIL", "%s tests" % label, "meson test exits %d" % status)


group_seconds = {}


def timed(name, work, *arguments):
    started = time.monotonic()
    try:
        return work(*arguments)
    finally:
        group_seconds[name] = group_seconds.get(name, 0) + time.monotonic() - started


def build_products():
    """build/ with gcc, which unit, system and interop tests use."""
    heading("gcc build")
    return meson_build("build", ["--buildtype=debugoptimized"], label="gcc")


def group_unit(_only):
    heading("unit and dialogue tests")
    meson_tests("build", "unit")


def group_coverage(_only):
    """The programs of tests/coverage.py are the unit tests' once more; the libraries behind them are those of build/."""
    heading("branches of the file with all calls of rte_security (gcov)")
    if not shutil.which("gcov"):
        results.take("SKIP", "coverage", "gcov is not installed")
        return
    started = time.monotonic()
    status, log, lines = logged("coverage", [sys.executable, "tests/coverage.py", "build"], limit=900)
    for line in lines:
        if "branches taken" in line:
            print(line, flush=True)
    results.take("FAIL" if status else "PASS", "coverage", "exit %d" % status if status else "%.1f s" % (time.monotonic() - started))
    if status:
        tail(log)


def group_asan(_only):
    heading("AddressSanitizer and UndefinedBehaviorSanitizer: unit and dialogue tests")
    # gcc warns of what it made up itself when sanitizers are in; the plain builds judge warnings.
    if meson_build("build-asan", ["--buildtype=debugoptimized", "-Db_sanitize=address,undefined", "-Dwerror=false"],
                   label="asan"):
        meson_tests("build-asan", "asan",
                    {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1",
                     "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"})


# The tests with threads of their own: readers of the SA table against its writer, workers that share an SA and its limits,
# buckets of SAs that move between workers and SAs that are replaced under traffic, and the rings, which two processes share.
TSAN_TESTS = ("tests/unit/common/test_common_ring", "tests/unit/dataplane/test_dataplane_sad",
              "tests/unit/dataplane/test_dataplane_move", "tests/unit/dataplane/test_dataplane_rekey",
              "tests/unit/esp/test_esp_threads", "tests/unit/esp/test_esp_lifetime", "tests/unit/esp/test_esp_flight",
              "tests/unit/engine/test_engine_cryptodev_threads", "tests/unit/engine/test_engine_inline_told")


def group_tsan(_only):
    heading("ThreadSanitizer: rings, SA table, moves of buckets, rekeys, ESP, a failing crypto device")
    if not shutil.which("clang"):
        results.take("SKIP", "tsan compiles", "clang is not installed")
        return
    if not meson_build("build-tsan", ["--buildtype=debugoptimized", "-Db_sanitize=thread", "-Db_lundef=false",
                                      "-Dwerror=false", "-Dc_args=-DRTE_USE_C11_MEM_MODEL=1"], env={"CC": "clang"},
                       label="tsan", targets=TSAN_TESTS):
        return
    options = "halt_on_error=1:exitcode=66:suppressions=%s" % os.path.join(ROOT, "tests", "tsan.supp")
    for target in TSAN_TESTS:
        name, started = "tsan: %s" % os.path.basename(target)[len("test_"):], time.monotonic()
        status, log, _ = logged(name, [os.path.join(ROOT, "build-tsan", target)], env={"TSAN_OPTIONS": options},
                                limit=120)
        if status == 0:
            results.take("PASS", name, "%.1f s" % (time.monotonic() - started))
        else:
            results.take("FAIL", name, "exit %d" % status)
            tail(log)


def group_clang(_only):
    heading("clang build, and MemorySanitizer: kernels and comparisons are constant in time")
    if not shutil.which("clang"):
        results.take("SKIP", "clang compiles", "clang is not installed")
        return
    if meson_build("build-clang", ["--buildtype=debugoptimized"], env={"CC": "clang"}, label="clang"):
        meson_tests("build-clang", "clang", suites=("constant_time",))


def no_namespaces():
    """None when this machine lets us make network namespaces, else why not."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    name = "culv-probe-%d" % os.getpid()
    done = subprocess.run(["ip", "netns", "add", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    subprocess.run(["ip", "netns", "del", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return None if done.returncode == 0 else "no network namespaces here: %s" % done.stdout.strip()


def test_files(group, only):
    folder = os.path.join(ROOT, "tests", group)
    return [n for n in sorted(os.listdir(folder)) if re.match(r"(test|esp|dp)_", n) and os.access(os.path.join(folder, n), os.X_OK)
            and os.path.isfile(os.path.join(folder, n)) and only in n]


def run_files(groups, only, jobs):
    """The files of both groups in one go: guests first and one at a time, `jobs` at a time in all, then those that want to be alone."""
    files = [(g, n) for g in groups for n in test_files(g, only)]
    jobs = min(jobs, len(files))
    heading("%s tests%s" % (" and ".join(groups), ": %d files at a time" % jobs if jobs > 1 else ""))
    reason = no_namespaces()
    if reason:
        for g, n in files:
            results.take("SKIP", "%s/%s" % (g, n), reason)
        return
    runs = [FileRun(g, n, live=jobs <= 1) for g, n in files]
    alone = [r for r in runs if r.name in ALONE] if jobs > 1 else runs
    guests = sorted((r for r in runs if r.name in GUEST), key=lambda r: GUEST.index(r.name))
    together = [r for r in runs if r not in alone and r not in guests] if jobs > 1 else []
    done, taking = queue.Queue(), threading.Lock()

    def lane(*work):
        for waiting in work:
            while waiting and not stopping.is_set():
                with taking:
                    one = waiting.pop(0) if waiting else None
                if one:
                    done.put(one.run())
        done.put(None)

    lanes = [threading.Thread(target=lane, args=(guests, together) if i == 0 else (together,), daemon=True)
             for i in range(jobs if jobs > 1 else 0)]
    for t in lanes:
        t.start()
    open_lanes, again = len(lanes), []

    def first(one):
        if one.failed() and not stopping.is_set():
            one.failed_first()
            again.append(FileRun(one.group, one.file, again="-again"))
        else:
            one.told()

    while open_lanes:
        one = done.get()
        if one is None:
            open_lanes -= 1
        else:
            first(one)
    for r in alone:
        first(r.run())
    for r in again:
        r.run().told()


def main():
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=" ".join(GROUPS))
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--jobs", type=int, default=min(4, (os.cpu_count() or 1) + 1), metavar="N")
    args = parser.parse_args()
    for g in args.groups:
        if g not in GROUPS:
            parser.error("no group named %s; there are: %s" % (g, " ".join(GROUPS)))
    started = time.monotonic()
    chosen = [g for g in GROUPS if g in (args.groups or GROUPS)]
    if set(chosen) & NEED_BUILD and not timed("gcc build", build_products):
        chosen = [g for g in chosen if g not in NEED_BUILD]
    files = [g for g in chosen if g in FILE_LIMIT_S]
    for g in chosen:
        if g not in files:
            timed(g, globals()["group_" + g], args.only)
    if files:
        timed(" and ".join(files), run_files, files, args.only, max(1, args.jobs))
    print()
    for name, seconds in group_seconds.items():
        print("took %6.0f s: %s" % (seconds, name))
    for seconds, name in sorted(results.seconds, reverse=True)[:SLOWEST]:
        print("slow %6.1f s: %s" % (seconds, name))
    for name, note in results.skipped:
        print("skipped: %s: %s" % (name, note))
    for name, note, log in results.unsteady:
        print("unsteady: %s: %s; %s; %s" % (name, note or "no reason given", results.second(name), os.path.relpath(log, ROOT) if log else "no log"))
    for name, note in results.failed:
        print("failed: %s%s" % (name, ": " + note if note else ""))
    print("tests took %.0f s" % (time.monotonic() - started))
    print("%d passed, %d failed, %d skipped%s" % (len(results.passed), len(results.failed), len(results.skipped),
                                                  ", %d unsteady" % len(results.unsteady) if results.unsteady else ""))
    return 1 if results.failed or not results.passed else 0


if __name__ == "__main__":
    sys.exit(main())
