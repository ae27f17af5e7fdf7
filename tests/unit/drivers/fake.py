"""A made-up machine in a directory: sys, proc and etc of a few PCI devices, and a kernel that moves devices between drivers.

FakeMachine writes like Machine and then does what the kernel would: unbind, driver_override and drivers_probe move the driver link;
interfaces come and go with the kernel's own driver. Commands are remembered in `ran`; the results of some can be set.
"""
import io
import json
import os
import shutil
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "drivers-config", "lib"))

from machine import Machine  # noqa: E402

DEVICES = "sys/bus/pci/devices"


class FakeMachine(Machine):
    def __init__(self, root):
        super().__init__(str(root), out=io.StringIO())
        self.refusing = set()       # drivers that do not take a device
        self.denied = set()         # addresses that vfio-pci takes with disable_denylist=1 alone
        self.no_modules = set()     # modules that cannot be loaded
        self.no_iommu_kernel = True  # VFIO without IOMMU is built in
        self.failing = set()        # first words of commands that fail
        self.capped = {}            # file -> highest number the kernel grants
        self.programs = set()
        self.native = {}            # address -> (driver, interfaces)
        for d in ("sys/bus/pci/drivers", DEVICES, "sys/class/net", "sys/module", "sys/kernel/iommu_groups", "proc/net", "etc", "run"):
            os.makedirs(self.path(d), exist_ok=True)
        self.put("sys/bus/pci/drivers_probe", "")
        self.put("proc/net/route", "Iface\tDestination\tGateway\n")

    def put(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as f:
            f.write(str(text) + "\n")

    def printed(self):
        text = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return text

    # ---- what stands in it ----
    def device(self, address, ids, driver=None, interfaces=(), pci_class=0x020000, group=None, vf=False, irq=11, numa=0, vfs=0,
               macs=None):
        at = "%s/%s" % (DEVICES, address)
        vendor, device = ids.split(":")
        for name, value in (("vendor", "0x" + vendor), ("device", "0x" + device), ("class", "0x%06x" % pci_class),
                            ("numa_node", numa), ("irq", irq), ("driver_override", "(null)"), ("sriov_numvfs", vfs),
                            ("sriov_totalvfs", 64 if vfs else 0)):
            self.put("%s/%s" % (at, name), value)
        if vf:
            os.symlink("../0000:00:00.0", self.path(at + "/physfn"))
        if group is not None:
            folder = "sys/kernel/iommu_groups/%s" % group
            os.makedirs(self.path(folder + "/devices"), exist_ok=True)
            os.symlink("../../../../%s" % at, self.path("%s/devices/%s" % (folder, address)))
            os.symlink("../../../kernel/iommu_groups/%s" % group, self.path(at + "/iommu_group"))
        self.native[address] = (driver, list(interfaces), dict(macs or {}))
        if driver:
            self._attach(address, driver)

    def default_route(self, interface):
        with open(self.path("proc/net/route"), "a") as f:
            f.write("%s\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" % interface)

    def over(self, upper, lower):
        """An interface above another: bond, bridge, VLAN."""
        os.makedirs(self.path("sys/class/net/%s" % upper), exist_ok=True)
        os.symlink("../%s" % lower, self.path("sys/class/net/%s/lower_%s" % (upper, lower)))

    def ip_says(self, words, value):
        self.put("ip/%s.json" % words.replace(" ", "-").replace("/", "_").replace(":", "_"), json.dumps(value))

    # ---- the kernel ----
    def _attach(self, address, driver):
        at = "%s/%s" % (DEVICES, address)
        os.makedirs(self.path("sys/bus/pci/drivers/%s" % driver), exist_ok=True)
        os.symlink("../../../../bus/pci/drivers/%s" % driver, self.path(at + "/driver"))
        if not os.path.lexists(self.path("sys/bus/pci/drivers/%s/%s" % (driver, address))):
            os.symlink("../../../../devices/%s" % address, self.path("sys/bus/pci/drivers/%s/%s" % (driver, address)))
        own, interfaces, macs = self.native[address]
        if driver == own:
            for n, i in enumerate(interfaces):
                os.makedirs(self.path("%s/net/%s" % (at, i)), exist_ok=True)
                self.put("sys/class/net/%s/address" % i, macs.get(i, "02:00:00:00:00:%02x" % n))
                for name, value in (("mtu", 1500), ("flags", "0x1003")):
                    self.put("sys/class/net/%s/%s" % (i, name), value)

    def _detach(self, address):
        at = "%s/%s" % (DEVICES, address)
        if os.path.islink(self.path(at + "/driver")):
            held = "sys/bus/pci/drivers/%s/%s" % (self.link_name("/%s/driver" % at), address)
            if os.path.lexists(self.path(held)):
                os.unlink(self.path(held))
            os.unlink(self.path(at + "/driver"))
        for i in self.names("/%s/net" % at):
            os.rmdir(self.path("%s/net/%s" % (at, i)))
            for name in self.names("/sys/class/net/%s" % i):
                os.unlink(self.path("sys/class/net/%s/%s" % (i, name)))
            os.rmdir(self.path("sys/class/net/%s" % i))

    def write(self, name, text, remedy="run as root"):
        if name.endswith("/driver/unbind") and not self.dry:
            self._detach(text.strip())
            return True
        if name in self.capped and not self.dry:
            text = "%d" % min(int(text), self.capped[name])
        done = super().write(name, text, remedy)
        if done and name == "/sys/bus/pci/drivers_probe":
            self._probe(text.strip())
        return done

    def _probe(self, address):
        at = "%s/%s" % (DEVICES, address)
        if os.path.islink(self.path(at + "/driver")):
            return
        override = (self.read("/%s/driver_override" % at) or "").replace("(null)", "")
        driver = override or self.native[address][0]
        if driver == "vfio-pci" and address in self.denied and self.read("/sys/module/vfio_pci/parameters/disable_denylist") != "Y":
            return
        if driver and driver not in self.refusing:
            self._attach(address, driver)

    def has(self, program):
        return "/usr/sbin/" + program if program in self.programs else None

    def run(self, *argv):
        if self.dry:
            return super().run(*argv)
        self.ran.append(argv)
        if argv[0] in self.failing:
            return 1, "failed"
        if argv[0] == "modprobe":
            if argv[1] in self.no_modules:
                return 1, "not found"
            if argv[1] == "-r":
                shutil.rmtree(self.path("sys/module/%s" % argv[2].replace("-", "_")))
                return 0, ""
            os.makedirs(self.path("sys/module/%s" % argv[1].replace("-", "_")), exist_ok=True)
            if argv[1] == "vfio-pci":
                self.put("sys/module/vfio_pci/parameters/disable_denylist", "Y" if "disable_denylist=1" in argv else "N")
                os.makedirs(self.path("sys/module/vfio/parameters"), exist_ok=True)
                if self.no_iommu_kernel:
                    self.put("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N")
        return 0, ""
