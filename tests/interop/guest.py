"""A Linux guest under QEMU whose kernel has ESP, for peers that need plain ESP or IPv6 endpoints.

The guest boots Debian's kernel with a small initramfs, mounts the host's root file system read-only over
9p, and runs the host's programs (strongSwan with kernel XFRM) on it. Its network cards are taps inside a
namespace of the lab. It is driven through a serial line by guest_agent.py, so that a Guest can stand where a
Namespace does: run, start, exists, address, route, forward.
"""
import fcntl
import glob
import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from net import LabError, PATIENCE, sh, wait_for

HERE = os.path.abspath(os.path.dirname(__file__))
QEMU = "/usr/bin/qemu-system-x86_64"
BUSYBOX = "/usr/bin/busybox"
MODULES = ("virtio_pci virtio_net 9pnet_virtio 9p xfrm_user xfrm_algo esp4 esp6 xfrm4_tunnel xfrm6_tunnel af_key "
           "ah4 ah6 authenc echainiv seqiv gcm ctr cbc hmac sha1_generic sha256_generic sha512_generic aes_generic "
           "aesni_intel chacha20poly1305 chacha_generic poly1305_generic crypto_null des_generic md5 ip_gre ip6_gre").split()

INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /sysroot /tmp
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t devtmpfs dev /dev
for m in $($B cat /modules.order); do $B insmod /modules/$m 2>/dev/null; done
$B mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=262144 root /sysroot || echo GUEST-NO-ROOT
$B mount -t tmpfs tmpfs /sysroot/run
$B mount -t tmpfs tmpfs /sysroot/tmp
$B mkdir -p /sysroot@SHARE@
$B mount -t 9p -o trans=virtio,version=9p2000.L,cache=none,msize=262144 share /sysroot@SHARE@ || echo GUEST-NO-SHARE
$B mount --bind /dev /sysroot/dev
$B mount --bind /proc /sysroot/proc
$B mount --bind /sys /sysroot/sys
$B ip link set lo up
$B sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
exec $B chroot /sysroot /usr/bin/python3 @AGENT@ /dev/ttyS1
"""


def kernel():
    found = sorted(glob.glob("/boot/vmlinuz-*-amd64"))
    for path in reversed(found):
        release = os.path.basename(path)[len("vmlinuz-"):]
        if os.path.isdir("/lib/modules/%s/kernel" % release):
            return path, release
    return None, None


def available():
    """None when a guest can run here, else the reason."""
    if not os.path.exists(QEMU):
        return "qemu-system-x86 is not installed"
    if not os.path.exists(BUSYBOX):
        return "busybox-static is not installed"
    if not kernel()[0]:
        return "no Debian kernel with modules under /boot (package linux-image-amd64)"
    return None


def module_files(release):
    """Module files of MODULES and of what they depend on, in the order to insert them."""
    base = "/lib/modules/%s" % release
    needs, paths = {}, {}
    with open(base + "/modules.dep") as f:
        for line in f:
            target, deps = line.split(":", 1)
            name = re.sub(r"\.ko.*$", "", os.path.basename(target)).replace("-", "_")
            needs[name] = deps.split()
            paths[name] = target
    order = []
    for name in MODULES:
        if name not in paths:
            continue  # built in
        for target in reversed(needs[name]):
            if target not in order:
                order.append(target)
        if paths[name] not in order:
            order.append(paths[name])
    return [os.path.join(base, p) for p in order]


def build_initramfs(directory, share):
    _, release = kernel()
    tree = os.path.join(directory, "initramfs")
    os.makedirs(tree + "/bin")
    os.makedirs(tree + "/modules")
    shutil.copy(BUSYBOX, tree + "/bin/busybox")
    names = []
    for path in module_files(release):
        shutil.copy(path, tree + "/modules/")
        names.append(os.path.basename(path))
    with open(tree + "/modules.order", "w") as f:
        f.write("\n".join(names) + "\n")
    with open(tree + "/init", "w") as f:
        f.write(INIT.replace("@SHARE@", share).replace("@AGENT@", os.path.join(share, "guest_agent.py")))
    os.chmod(tree + "/init", 0o755)
    files = sh("sh", "-c", "cd '%s' && find . -print" % tree).stdout.encode()
    image = subprocess.run([BUSYBOX, "cpio", "-o", "-H", "newc"], cwd=tree, input=files, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, check=True).stdout
    out = os.path.join(directory, "initramfs.gz")
    with gzip.open(out, "wb", 1) as f:
        f.write(image)
    shutil.rmtree(tree)
    return out


def kvm_works():
    """Whether this machine can create a virtual machine; a node in /dev alone says little."""
    try:
        with open("/dev/kvm", "rb+", buffering=0) as f:
            vm = fcntl.ioctl(f, 0xAE01, 0)
            os.close(vm)
            return True
    except OSError:
        return False


class GuestProcess:
    """A process inside the guest, with the part of Popen's interface that a Lab uses."""

    def __init__(self, guest, number, log_path):
        self.guest, self.number, self.log_path = guest, number, log_path
        self.returncode = None

    def poll(self):
        if self.returncode is None and not self.guest.gone:
            self.returncode = self.guest.call(op="poll", id=self.number)["rc"]
        return self.returncode

    def send_signal(self, sig):
        if self.poll() is None and not self.guest.gone:
            self.guest.call(op="signal", id=self.number, signal=int(sig))

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout=None):
        if self.guest.gone:
            return None
        try:
            wait_for("a guest's process", lambda: self.poll() is not None, timeout or 60)
        except LabError:
            raise subprocess.TimeoutExpired("guest process", timeout)
        return self.returncode


class Guest:
    """Boots at construction. `nics` maps guest interface order to bridges in namespace ns: tap<i> joins nics[i]. cards: the model
    of each, virtio-net-pci unless told otherwise. iommu: an emulated VT-d, which virtio network cards then stand behind, too.
    writable_etc: changes under /etc stay in the guest's memory."""

    def __init__(self, ns, name="guest", nics=("br-out", "br-in"), memory_mb=512, cards=None, iommu=False, cpus=1, writable_etc=False):
        self.ns, self.lab, self.name = ns, ns.lab, name
        self.cards, self.iommu, self.cpus = cards or ["virtio-net-pci"] * len(nics), iommu, cpus
        self.short = name
        self.gone = False
        self.dir = self.lab.mkdir(name)
        shutil.copy(os.path.join(HERE, "guest_agent.py"), self.lab.path("guest_agent.py"))
        self.pinger = shutil.copy(os.path.join(HERE, "pinger.py"), self.lab.path("pinger.py"))  # the guest has a /tmp of its own
        self.initramfs = build_initramfs(self.dir, self.lab.dir)
        accel = ["kvm", "tcg"] if kvm_works() else ["tcg"]
        for a in accel:
            try:
                self._boot(a, nics, memory_mb)
                self.accel = a
                if writable_etc:
                    self.run("modprobe", "overlay")
                    self.run("mkdir", "/run/etc-changes", "/run/etc-work")
                    self.run("mount", "-t", "overlay", "-o", "lowerdir=/etc,upperdir=/run/etc-changes,workdir=/run/etc-work", "etc", "/etc")
                return
            except LabError:
                self.lab.stop(self.qemu)
                self.gone = False
                if a == accel[-1]:
                    raise

    def _boot(self, accel, nics, memory_mb):
        path, _ = kernel()
        control = os.path.join(self.dir, "control")
        if os.path.exists(control):
            os.unlink(control)
        argv = [QEMU, "-accel", accel, "-cpu", "max" if accel == "tcg" else "host", "-machine",
                "q35,kernel-irqchip=split" if self.iommu and accel == "kvm" else "q35", "-m",
                str(memory_mb), "-smp", str(self.cpus), "-nodefaults", "-display", "none", "-no-reboot", "-kernel", path,
                "-initrd", self.initramfs, "-append",
                "console=ttyS0 panic=-1 quiet mitigations=off random.trust_cpu=on" + (" intel_iommu=on" if self.iommu else ""), "-serial", "stdio", "-serial",
                "unix:%s,server=on,wait=off" % control, "-fsdev",
                "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap", "-device",
                "virtio-9p-pci,fsdev=root,mount_tag=root", "-fsdev",
                "local,id=share,path=%s,security_model=none,multidevs=remap" % self.lab.dir, "-device",
                "virtio-9p-pci,fsdev=share,mount_tag=share", "-object", "rng-random,id=rng,filename=/dev/urandom",
                "-device", "virtio-rng-pci,rng=rng"]
        if self.iommu:
            argv[argv.index("-fsdev"):argv.index("-fsdev")] = ["-device", "intel-iommu,intremap=on"]
        for i, bridge in enumerate(nics):
            device = "%s,netdev=n%d,mac=02:00:00:00:00:%02x" % (self.cards[i], i, i + 2)
            if self.cards[i].startswith("virtio"):
                device += ",csum=off,gso=off,guest_csum=off,guest_tso4=off,guest_tso6=off,host_tso4=off,host_tso6=off"
                device += ",iommu_platform=on,disable-legacy=on" if self.iommu else ""
            argv += ["-netdev", "tap,id=n%d,ifname=tap%d,script=no,downscript=no" % (i, i), "-device", device]
        started = time.monotonic()
        self.qemu = self.ns.start(self.name + "-console", *argv)
        wait_for("qemu's control socket", lambda: os.path.exists(control) or self.qemu.poll() is not None, 10)
        if self.qemu.poll() is not None:
            raise LabError("qemu ended at start, see its console log")
        for i, bridge in enumerate(nics):
            self.ns.run("ip", "link", "set", "tap%d" % i, "master", bridge)
            self.ns.run("ip", "link", "set", "tap%d" % i, "up")
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.link.connect(control)
        self.buffer = b""
        self._await_hello(25 if accel == "kvm" else 120 * PATIENCE)
        self.boot_s = time.monotonic() - started
        self.lab.closers.append(self.close)

    def _await_hello(self, timeout):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.qemu.poll() is not None:
                raise LabError("the guest ended while booting, see its console log")
            line = self._line(1.0)
            if line and b'"hello"' in line:
                return
        raise LabError("the guest did not come up in %d s" % timeout)

    def _line(self, timeout):
        end = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.link.settimeout(left)
            try:
                data = self.link.recv(65536)
            except socket.timeout:
                return None
            if not data:
                self.gone = True
                raise LabError("the guest's control line closed")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def call(self, timeout=30, **request):
        self.link.sendall(json.dumps(request).encode() + b"\n")
        line = self._line(timeout * PATIENCE + 10)
        if line is None:
            raise LabError("the guest gave no answer to %s" % request)
        return json.loads(line)

    def argv(self, *argv):
        raise LabError("a guest runs commands itself; use run or start")

    def run(self, *argv, check=True, timeout=30, stdin=None):
        argv = [str(a) for a in argv]
        r = self.call(timeout=timeout, op="run", argv=argv, limit=timeout * PATIENCE, stdin=stdin)
        if check and r["rc"] != 0:
            raise LabError("guest: %s: exit %d: %s" % (" ".join(argv), r["rc"], (r["err"] or r["out"]).strip()))
        return subprocess.CompletedProcess(argv, r["rc"], r["out"], r["err"])

    def start(self, name, *argv, env=None, stdin=None):
        log = self.lab.path(name + ".log")
        r = self.call(op="start", argv=[str(a) for a in argv], env=env or {}, log=log)
        process = GuestProcess(self, r["id"], log)
        self.lab.processes.append(process)
        return process

    def exists(self, path):
        return self.run("test", "-e", path, check=False).returncode == 0

    def address(self, interface, *addresses):
        self.run("ip", "link", "set", interface, "up")
        for a in addresses:
            self.run("ip", "addr", "add", a, "dev", interface, *(["nodad"] if ":" in a else []))

    def route(self, prefix, via):
        self.run("ip", "-6" if ":" in prefix + via else "-4", "route", "add", prefix, "via", via)

    def forward(self):
        self.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")

    def close(self):
        """Powers the guest off: there is nothing in it to save."""
        self.gone = True
        try:
            self.link.close()
        except OSError:
            pass
        self.lab.processes = [p for p in self.lab.processes if not isinstance(p, GuestProcess)]
        self.lab.stop(self.qemu, grace=3)
