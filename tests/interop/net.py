"""Network namespaces for tests: made under one prefix, torn down whatever happens.

A Lab owns namespaces, veth pairs, processes and a scratch directory. Everything it made is removed by
close(), which also runs at exit and on SIGINT, SIGTERM and SIGHUP. Only its own processes are ended, by
their ids. Nothing outside its namespaces is addressed.
"""
import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

_open_labs = []


class LabError(RuntimeError):
    """A step of the set-up failed: the machine cannot run this test, or something is broken."""


def sh(*argv, check=True, timeout=120, stdin=None):
    """Runs a command, returns its CompletedProcess with text output."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL if stdin is None else None, input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        if check:
            raise LabError("%s: no end after %s s" % (" ".join(argv), timeout))
        return subprocess.CompletedProcess(argv, 124, "", "timeout")
    if check and done.returncode != 0:
        raise LabError("%s: exit %d: %s" % (" ".join(argv), done.returncode,
                                            (done.stderr or done.stdout).strip()))
    return done


# Limits are those of a quiet machine; one that builds meanwhile takes longer, and a limit that is reached costs a failed test only.
PATIENCE = 3


def wait_for(what, condition, timeout, interval=0.05):
    """Polls condition() until it is true; returns its value. Raises LabError naming `what` after PATIENCE times `timeout`."""
    timeout *= PATIENCE
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise LabError("waited %.1f s in vain for %s" % (timeout, what))
        time.sleep(interval)


class Namespace:
    """One network namespace. IPv6 duplicate address detection is off, so that addresses work at once."""

    def __init__(self, lab, short):
        self.lab = lab
        self.short = short
        self.name = "%s-%s" % (lab.prefix, short)
        sh("ip", "netns", "add", self.name)
        self.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0",
                 "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0", check=False)
        self.run("ip", "link", "set", "lo", "up")

    def argv(self, *argv):
        return ("ip", "netns", "exec", self.name) + tuple(str(a) for a in argv)

    def run(self, *argv, **kw):
        return sh(*self.argv(*argv), **kw)

    def start(self, name, *argv, env=None, stdin=None):
        """Starts a background process in the namespace; its output goes to the lab's directory."""
        return self.lab.start(name, *self.argv(*argv), env=env, stdin=stdin)

    def exists(self, path):
        return os.path.exists(path)

    def address(self, interface, *addresses):
        for a in addresses:
            extra = ["nodad"] if ":" in a else []
            self.run("ip", "addr", "add", a, "dev", interface, *extra)

    def route(self, prefix, via):
        self.run("ip", "-6" if ":" in prefix + via else "-4", "route", "add", prefix, "via", via)

    def forward(self):
        self.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")


class Lab:
    def __init__(self, title):
        self.title = title
        self.prefix = "culv-%d" % os.getpid()
        self.dir = tempfile.mkdtemp(prefix="culv-%s-" % title)
        self.namespaces = {}
        self.processes = []
        self.closers = []
        self.closed = False
        self.keep_dir = bool(os.environ.get("CULVERT_TEST_KEEP"))
        _open_labs.append(self)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def ns(self, short):
        if short not in self.namespaces:
            self.namespaces[short] = Namespace(self, short)
        return self.namespaces[short]

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def mkdir(self, *parts):
        p = self.path(*parts)
        os.makedirs(p, exist_ok=True)
        return p

    def write(self, name, text, mode=0o600):
        p = self.path(name)
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, "w") as f:
            f.write(text)
        os.chmod(p, mode)
        return p

    def veth(self, a, a_if, b, b_if, mtu=None):
        """A veth pair between two namespaces, both ends up, segmentation and checksum offloads off:
        a gateway that forwards frames as they are must see finished packets."""
        tmp_a, tmp_b = "cv%da" % os.getpid(), "cv%db" % os.getpid()
        sh("ip", "link", "add", tmp_a, "type", "veth", "peer", "name", tmp_b)
        for ns, tmp, name in ((a, tmp_a, a_if), (b, tmp_b, b_if)):
            sh("ip", "link", "set", tmp, "netns", ns.name)
            ns.run("ip", "link", "set", tmp, "name", name)
            if mtu:
                ns.run("ip", "link", "set", name, "mtu", str(mtu))
            ns.run("ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro", "off", check=False)
            ns.run("ip", "link", "set", name, "up")

    def bridge(self, ns, name, members):
        ns.run("ip", "link", "add", name, "type", "bridge", "forward_delay", "0", "stp_state", "0")
        for m in members:
            ns.run("ip", "link", "set", m, "master", name)
        ns.run("ip", "link", "set", name, "up")

    def bare_port(self, ns, interface):
        """An interface that a poll-mode driver owns: up, but the kernel neither answers nor speaks on it."""
        ns.run("sysctl", "-qw", "net.ipv6.conf.%s.disable_ipv6=1" % interface)
        ns.run("ip", "link", "set", interface, "arp", "off")
        ns.run("ip", "link", "set", interface, "promisc", "on")
        ns.run("ip", "link", "set", interface, "up")

    def start(self, name, *argv, env=None, stdin=None):
        log = open(self.path(name + ".log"), "ab", 0)
        environment = dict(os.environ)
        environment.update(env or {})
        process = subprocess.Popen([str(a) for a in argv], stdin=stdin or subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, env=environment, start_new_session=True)
        process.log_path = self.path(name + ".log")
        process.label = name
        log.close()
        self.processes.append(process)
        return process

    def stop(self, process, grace=3.0, sig=signal.SIGTERM):
        """Ends one process that this lab started; returns its exit status."""
        if process.poll() is None:
            process.send_signal(sig)
            try:
                process.wait(grace)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        if process in self.processes:
            self.processes.remove(process)
        return process.returncode

    def logs(self):
        """Paths of all logs, oldest first."""
        found = []
        for root, _, files in os.walk(self.dir):
            found += [os.path.join(root, f) for f in files if f.endswith(".log")]
        return sorted(found, key=os.path.getmtime)

    def tails(self, lines=25):
        out = []
        for p in self.logs():
            with open(p, errors="replace") as f:
                text = f.read().splitlines()[-lines:]
            if text:
                out.append("--- %s" % os.path.relpath(p, self.dir))
                out += text
        return "\n".join(out)

    def close(self):
        if self.closed:
            return
        self.closed = True
        if self in _open_labs:
            _open_labs.remove(self)
        for closer in reversed(self.closers):
            try:
                closer()
            except Exception as e:  # a failed closer must not keep the others from running
                print("cleanup: %s" % e, file=sys.stderr)
        for p in list(reversed(self.processes)):
            if p.poll() is None:
                p.terminate()
        for p in list(reversed(self.processes)):
            self.stop(p, grace=2.0)
        for ns in self.namespaces.values():
            self._end_stragglers(ns.name)
            sh("ip", "netns", "del", ns.name, check=False)
        if not self.keep_dir:
            shutil.rmtree(self.dir, ignore_errors=True)

    @staticmethod
    def _end_stragglers(name):
        """Grandchildren (a supervised data plane whose parent was killed) still sit in our namespace."""
        for sig in (signal.SIGTERM, signal.SIGKILL):
            pids = sh("ip", "netns", "pids", name, check=False).stdout.split()
            if not pids:
                return
            for pid in pids:
                try:
                    os.kill(int(pid), sig)
                except ProcessLookupError:
                    pass
            end = time.monotonic() + 2
            while time.monotonic() < end and sh("ip", "netns", "pids", name, check=False).stdout.split():
                time.sleep(0.05)


def _close_all():
    for lab in list(_open_labs):
        lab.close()


def _on_signal(number, _frame):
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, signal.SIG_IGN)  # a second Ctrl-C must not cut the cleaning short
    print("\ninterrupted: cleaning up", file=sys.stderr)
    _close_all()
    os._exit(128 + number)


def install_cleanup():
    atexit.register(_close_all)
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, _on_signal)


install_cleanup()
