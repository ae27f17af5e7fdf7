#!/usr/bin/python3
"""culvertd's trust-points over restarts and changes of its user: what is loaded, what is left out and said, warnings before certificates end; and what
of its memory can be had by others."""
import os
import pwd
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from case import case, check, check_equal, main  # noqa: E402
from culvert import BUILD  # noqa: E402

CONFIG = """hostname R1
ip domain name cisco.com
crypto pki trustpoint IOSCA1
 revocation-check none
crypto pki trustpoint IOSCA2
 revocation-check none
"""


def run(*argv, **kw):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, timeout=60, **kw).stdout


class Daemon:
    """culvertd alone, without a data plane: nothing of the machine's network is touched."""

    def __init__(self, where, config=CONFIG, user=None):
        self.where = where
        path = os.path.join(where, "culvert.conf")
        with open(path, "w") as f:
            f.write(config)
        argv = [os.path.join(BUILD, "culvertd"), "--config", path, "--run-dir", os.path.join(where, "run"), "--state-dir",
                os.path.join(where, "state"), "--no-dataplane", "--foreground", "--log-level", "debug"]
        self.log_path = os.path.join(where, "log")
        self.log = open(self.log_path, "w")
        self.proc = subprocess.Popen(argv + (["--user", user] if user else []), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        self.wait_for(lambda: "waiting for the data plane" in self.text(), "start")
        return self

    def __exit__(self, *exc):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        self.status = self.proc.wait(timeout=20)
        self.log.close()

    def text(self):
        with open(self.log_path) as f:
            return f.read()

    def wait_for(self, ready, what, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if ready():
                return
            check(self.proc.poll() is None, "culvertd ended: %s" % self.text())
            time.sleep(0.05)
        check(False, "no %s within %d s: %s" % (what, seconds, self.text()))

    def processes(self):
        """Parent and control process."""
        pids = [self.proc.pid]
        with open("/proc/%d/task/%d/children" % (self.proc.pid, self.proc.pid)) as f:
            pids += [int(p) for p in f.read().split()]
        return pids


def put(path, text, mode=0o600):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def store(where, user=None):
    """A state directory with two trust-points, as pki_disk writes them; IOSCA1's certificate ends in five days, IOSCA2's in two hundred."""
    pki = os.path.join(where, "state", "pki")
    made = os.path.join(where, "made")
    os.makedirs(made)
    for i, (name, days) in enumerate((("IOSCA1", 5), ("IOSCA2", 200)), 1):
        base = os.path.join(made, name)
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", base + ".cakey", "-subj", "/O=cisco/CN=CA%d" % i, "-days", "900",
            "-out", base + ".ca")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key", "-subj", "/O=cisco/CN=R1",
            "-out", base + ".csr")
        run("openssl", "x509", "-req", "-in", base + ".csr", "-CA", base + ".ca", "-CAkey", base + ".cakey", "-set_serial", str(i), "-days", str(days),
            "-out", base + ".own")
        into = os.path.join(pki, "tp", name)
        os.makedirs(into)
        for kind, suffix, seq in (("ca", ".ca", i), ("own", ".own", i + 2), ("key", ".key", i + 2)):
            with open(base + suffix) as f:
                put(os.path.join(into, "%s-%d.pem" % (kind, seq)), f.read())
        put(os.path.join(into, "seq"), "ca %d\nown %d\n" % (i, i + 2))
    put(os.path.join(pki, "seq"), "4\n")
    os.chmod(os.path.join(where, "state"), 0o700)
    for folder, _, files in os.walk(pki):
        os.chmod(folder, 0o700)
    if user:
        entry = pwd.getpwnam(user)
        for folder, _, files in os.walk(pki):
            for path in [folder] + [os.path.join(folder, f) for f in files]:
                os.chown(path, entry.pw_uid, entry.pw_gid)
    return pki


@case("trust-points of the state directory are there after every start; of a certificate with five days left the log warns once")
def loaded():
    with tempfile.TemporaryDirectory(prefix="culvert-pki-") as where:
        store(where)
        for _ in range(2):
            with Daemon(where) as d:
                d.wait_for(lambda: "expires in" in d.text(), "warning")
                time.sleep(1.5)
                text = d.text()
                check("left out" not in text, "something was left out: %s" % text)
                lines = [line for line in text.splitlines() if "expires in" in line]
                check_equal(len(lines), 1, "warnings: %s" % lines)
                # whole days: five only in the second of its making
                check(re.search(r"warning: trust-point IOSCA1: the certificate cn=R1,o=cisco, serial 01, expires in [45] days$", lines[0]), lines[0])
            check_equal(d.status, 0, "exit status")


@case("a key that others may read is not used, and said; the other trust-point is")
def open_key():
    with tempfile.TemporaryDirectory(prefix="culvert-pki-") as where:
        pki = store(where)
        os.chmod(os.path.join(pki, "tp", "IOSCA2", "key-4.pem"), 0o640)
        with Daemon(where) as d:
            d.wait_for(lambda: "expires in" in d.text(), "warning")
            check("error: trust-point IOSCA2: key-4.pem is left out: others may read" in d.text(), d.text())
            check("IOSCA1: key" not in d.text(), d.text())
            check("PRIVATE" not in d.text(), "a key in the log")


@case("an upgrade that changes the control process's user takes the files along")
def another_user():
    if os.geteuid() != 0:
        from case import Skip
        raise Skip("needs root")
    with tempfile.TemporaryDirectory(prefix="culvert-pki-") as where:
        os.chmod(where, 0o755)
        pki = store(where, user="daemon")
        link = os.path.join(pki, "tp", "IOSCA1", "elsewhere")
        outside = os.path.join(where, "outside")
        put(outside, "not ours")
        os.symlink(outside, link)
        os.link(outside, os.path.join(pki, "second-name"))
        with Daemon(where, user="nobody") as d:
            d.wait_for(lambda: "expires in" in d.text(), "warning")
            check("left out" not in d.text(), d.text())
        nobody = pwd.getpwnam("nobody").pw_uid
        for folder, _, files in os.walk(pki):
            check_equal(os.stat(folder).st_uid, nobody, "owner of %s" % folder)
            check_equal(stat.S_IMODE(os.stat(folder).st_mode), 0o700, "mode of %s" % folder)
        check_equal(os.stat(os.path.join(pki, "tp", "IOSCA2", "key-4.pem")).st_uid, nobody, "owner of the key")
        check_equal(os.stat(outside).st_uid, 0, "owner of a file outside, linked twice")


@case("neither process leaves a core dump or lets itself be traced; the heap of private keys would be left out of one")
def no_dumps():
    with tempfile.TemporaryDirectory(prefix="culvert-pki-") as where:
        store(where)
        with Daemon(where) as d:
            d.wait_for(lambda: "expires in" in d.text(), "warning")
            pids = d.processes()
            check_equal(len(pids), 2, "processes")
            for pid in pids:
                with open("/proc/%d/limits" % pid) as f:
                    core = [line.split() for line in f if line.startswith("Max core file size")][0]
                check_equal(core[4:6], ["0", "0"], "core limits of %d" % pid)
            if os.geteuid() == 0:
                # A process that can be dumped owns its own files in /proc; one that cannot leaves them to root (proc(5)).
                control = pids[1]
                with open("/proc/%d/status" % control) as f:
                    uid = int([line.split()[1] for line in f if line.startswith("Uid:")][0])
                check(uid != 0, "the control process runs as root")
                check_equal(os.stat("/proc/%d/mem" % control).st_uid, 0, "owner of the control process's memory")
                with open("/proc/%d/smaps" % control) as f:
                    flags = [line.split()[1:] for line in f if line.startswith("VmFlags:")]
                check(any("dd" in f for f in flags), "no memory is marked to be left out of dumps")


if __name__ == "__main__":
    main()
