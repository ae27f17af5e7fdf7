"""The machine that the tools of drivers-config look at and change: sysfs, procfs, files under /etc, a few commands.

One class stands between the tools and the system, so that a dry run prints instead of writing, and so that tests hand in a
directory with made-up sys, proc and etc. Every failure is a Trouble: one line that says what is wrong and what would help.
"""
import fcntl
import json
import os
import subprocess
import sys


class Trouble(Exception):
    """What is wrong and what would be right, in one line. status: 1 the thing asked for is not so, 2 wrong usage."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status


class Machine:
    """root: the directory that holds sys, proc, etc, run and dev; "/" is the machine itself. With another root no command is
    run: `ip` reads ROOT/ip/FIRST-WORDS.json instead, and everything else is only remembered in `ran`."""

    def __init__(self, root="/", dry=False, out=None):
        self.root, self.dry = root, dry
        self.out = out or sys.stdout
        self.real = os.path.abspath(root) == "/"
        self.ran = []
        self.held = None

    # ---- reading ----
    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def read(self, name, default=None):
        """A file's text without white space at its ends; default when it cannot be read."""
        try:
            with open(self.path(name), errors="replace") as f:
                return f.read().strip()
        except OSError:
            return default

    def number(self, name, default=None):
        text = self.read(name)
        try:
            return int(text, 0)
        except (TypeError, ValueError):
            return default

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def names(self, name):
        try:
            return sorted(os.listdir(self.path(name)))
        except OSError:
            return []

    def link_name(self, name):
        """The last part of what a symbolic link points to; None when there is no such link."""
        try:
            return os.path.basename(os.readlink(self.path(name)))
        except OSError:
            return None

    # ---- changing ----
    def say(self, text):
        print(text, file=self.out)

    def write(self, name, text, remedy="run as root"):
        """Writes to a file that the kernel made. False in a dry run, which only says what would be written."""
        if self.dry:
            self.say("would write '%s' to %s" % (text.strip(), name))
            return False
        try:
            with open(self.path(name), "w") as f:
                f.write(text)
        except OSError as e:
            raise Trouble("%s: cannot be written (%s): %s" % (name, e.strerror, remedy))
        return True

    def save(self, name, text, mode=0o644):
        """Makes or replaces a file of our own, whole or not at all."""
        if self.dry:
            self.say("would write %s" % name)
            return
        full = self.path(name)
        try:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full + ".new", "w") as f:
                f.write(text)
                f.flush()
                os.fsync(f.fileno())
            os.chmod(full + ".new", mode)
            os.rename(full + ".new", full)
        except OSError as e:
            raise Trouble("%s: cannot be written (%s): run as root" % (name, e.strerror))

    def lock(self, name="/run/culvert-drivers/lock"):
        """One tool at a time: waits for another to end. Held until this process ends; a dry run needs none."""
        if self.dry:
            return
        try:
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            self.held = open(self.path(name), "w")
            fcntl.flock(self.held, fcntl.LOCK_EX)
        except OSError as e:
            raise Trouble("%s: cannot be locked (%s): run as root" % (name, e.strerror))

    def remove(self, name):
        if not self.exists(name):
            return
        if self.dry:
            self.say("would remove %s" % name)
            return
        try:
            os.unlink(self.path(name))
        except OSError as e:
            raise Trouble("%s: cannot be removed (%s): run as root" % (name, e.strerror))

    def link(self, name, target):
        if self.link_name(name) == os.path.basename(target):
            return
        if self.dry:
            self.say("would link %s to %s" % (name, target))
            return
        try:
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            os.symlink(target, self.path(name))
        except OSError as e:
            raise Trouble("%s: cannot be made (%s): run as root" % (name, e.strerror))

    # ---- commands ----
    def has(self, program):
        """The path of a program, also of those that only root's PATH names; None when it is not installed."""
        for folder in ("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"):
            if os.access(self.path(os.path.join(folder, program)), os.X_OK):
                return os.path.join(folder, program)
        return None

    def run(self, *argv):
        """Runs a command that changes something. Returns (status, text it printed); 127 when there is no such program."""
        if self.dry:
            self.say("would run %s" % " ".join(argv))
            return 0, ""
        self.ran.append(argv)
        if not self.real:
            return 0, ""
        program = self.has(argv[0])
        if not program:
            return 127, "%s is not installed" % argv[0]
        done = subprocess.run((program,) + argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout.strip()

    def ip(self, *words):
        """What `ip -j WORDS` prints, parsed; [] when it fails."""
        if not self.real:
            text = self.read("ip/%s.json" % "-".join(w.replace("/", "_").replace(":", "_") for w in words), "[]")
        else:
            program = self.has("ip")
            if not program:
                return []
            done = subprocess.run((program, "-j") + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
            text = done.stdout if done.returncode == 0 else "[]"
        try:
            return json.loads(text or "[]")
        except ValueError:
            return []

    def modprobe(self, module, *options):
        """Loads a kernel module unless it is there already; options count only where it is not. True when it is loaded afterwards, or would be."""
        if self.exists("/sys/module/%s" % module.replace("-", "_")) and not options:
            return True
        status, _ = self.run("modprobe", module, *options)
        return status == 0


def main(program, run):
    """Runs run(argv) and turns Trouble into one line and an exit status."""
    try:
        status = run(sys.argv[1:])
    except Trouble as e:
        print("%s: %s" % (program, e), file=sys.stderr)
        status = e.status
    except BrokenPipeError:
        status = 1
        sys.stdout = None
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def table(rows, out):
    """Prints rows (the first is the heading) in columns; the last column is not filled up."""
    widths = [max(len(str(r[i])) for r in rows) for i in range(len(rows[0]) - 1)]
    for r in rows:
        print(("  ".join(str(c).ljust(w) for c, w in zip(r, widths)) + "  " + str(r[-1])).rstrip(), file=out)
