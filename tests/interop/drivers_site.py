"""A guest whose PCI network cards culvert takes over, with the tools of drivers-config as a user would, in front of strongSwan.

    left-host -- br-in -- [virtio | culvert in the guest | 82540EM] -- br-out -- strongSwan -- right-host
     10.1.0.2              10.1.0.1               192.0.2.1             192.0.2.2   10.2.0.1     10.2.0.2
"""
import json
import os
import shutil

import culvert as cv
import guest as vm
import strongswan as ss
from net import Lab, LabError, wait_for
from topology import Site, _ends

HUGEPAGES_MIB = 384
GUEST_MIB = 1100


class GuestCulvert(cv.Culvert):
    """culvert in a guest. Programs are copied to the directory it shares with the host: it has a /tmp of its own."""

    def __init__(self, guest, text, programs):
        super().__init__(guest, text)
        self.programs = programs
        self.run_dir, self.state_dir = "/run/culvert", "/run/culvert-state"

    def start(self, wait=60, options=()):
        self.ns.run("mkdir", "-p", self.state_dir)
        self.process = self.ns.start(self.name + "-daemon", os.path.join(self.programs, "culvertd"), "--config", self.config,
                                     "--run-dir", self.run_dir, "--state-dir", self.state_dir, "--foreground",
                                     "--log-level", "debug", *options)
        self.wait_ready(wait)
        return self

    def cli(self, *args, check=True, timeout=30):
        return self.ns.run(os.path.join(self.programs, "culvert"), "--run-dir", self.run_dir, *args, check=check,
                           timeout=timeout)


class DriversSite(Site):
    """The guest with its cards still the kernel's. tool(NAME, ...) runs one of drivers-config in it."""

    def __init__(self, title, iommu):
        super().__init__(Lab(title))
        lab = self.lab
        gw = _ends(self)
        lab.veth(gw, "out0", self.peer_ns, "out0")
        lab.bridge(gw, "br-out", ["out0"])
        lab.bridge(gw, "br-in", ["in0"])
        self.peer_ns.address("out0", "192.0.2.2/24")
        self.peer_ns.address("in0", "10.2.0.1/24")
        self.peer_ns.forward()
        self.programs = lab.mkdir("programs")
        for name in ("culvertd", "culvert-dp", "culvert"):
            shutil.copy(os.path.join(cv.BUILD, name), self.programs)
        shutil.copytree(os.path.join(cv.ROOT, "drivers-config"), lab.path("programs", "drivers-config"))
        os.chmod(lab.dir, 0o711)
        self.guest = vm.Guest(gw, cards=["e1000", "virtio-net-pci"], memory_mb=GUEST_MIB, iommu=iommu, cpus=2, writable_etc=True)
        self.guest.run("modprobe", "e1000")  # what udev would have done
        wait_for("the e1000's interface", lambda: len(self.interfaces()) == 2, 20, 0.5)

    def tool(self, name, *args, check=True, timeout=150):
        return self.guest.run(os.path.join(self.programs, "drivers-config", name), *args, check=check, timeout=timeout)

    def devices(self):
        return {d["family"]: d for d in json.loads(self.tool("bind", "status", "--json").stdout)["devices"]
                if d["kind"] == "network"}

    def interfaces(self):
        return {family: d["interfaces"][0] for family, d in self.devices().items() if d["interfaces"]}

    def configuration(self):
        devices = self.devices()
        text = cv.config()
        for was, now in ((" memory no-huge", " memory hugepages 256"),
                         ("vdev " + cv.OUTSIDE, "pci %s" % devices["e1000"]["address"]),
                         ("vdev " + cv.INSIDE, "pci %s" % devices["virtio"]["address"])):
            if was not in text:
                raise LabError("the configuration has no %s" % was)
            text = text.replace(was, now)
        return text

    def doctor(self):
        """(exit status, the red lines' texts) of `culvert doctor` for the configuration of this site."""
        path = self.lab.write("doctor.conf", self.configuration())
        done = self.guest.run(os.path.join(self.programs, "culvert"), "--json", "doctor", "--config", path, check=False, timeout=150)
        return done.returncode, [line["text"] for line in json.loads(done.stdout)["lines"] if line["colour"] == "red"]

    def start_tunnel(self):
        self.culvert = GuestCulvert(self.guest, self.configuration(), self.programs).start()
        self.peer = ss.StrongSwan(self.peer_ns)
        self.peer.start(ss.connection(ike=cv.GCM.strongswan_ike(19), esp=cv.GCM.ss_esp))
