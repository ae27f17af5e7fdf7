"""PCI devices as sysfs shows them: network cards and crypto accelerators, their drivers, interfaces and IOMMU groups."""
import re

from machine import Trouble

DEVICES = "/sys/bus/pci/devices"
# Base class 02 are network controllers; 0b40 co-processors (QAT) and 10 encryption controllers (CCP, newer QAT).
CLASSES = (0x02, 0x10)
COPROCESSOR = 0x0B40
# Drivers that hand a device to a program in user space.
USER_DRIVERS = ("vfio-pci", "uio_pci_generic", "igb_uio")
ADDRESS = re.compile(r"^(?:([0-9a-fA-F]{1,8}):)?([0-9a-fA-F]{1,2}):([0-9a-fA-F]{1,2})\.([0-7])$")


class Device:
    def __init__(self, machine, address):
        self.machine, self.address = machine, address
        self.at = "%s/%s" % (DEVICES, address)
        self.vendor = machine.number(self.at + "/vendor", 0)
        self.device = machine.number(self.at + "/device", 0)
        self.pci_class = machine.number(self.at + "/class", 0) >> 8
        self.numa = machine.number(self.at + "/numa_node", -1)

    @property
    def ids(self):
        return "%04x:%04x" % (self.vendor, self.device)

    @property
    def driver(self):
        return self.machine.link_name(self.at + "/driver")

    @property
    def override(self):
        text = self.machine.read(self.at + "/driver_override", "")
        return "" if text == "(null)" else text

    @property
    def iommu_group(self):
        return self.machine.link_name(self.at + "/iommu_group")

    @property
    def is_vf(self):
        return self.machine.exists(self.at + "/physfn")

    @property
    def is_network(self):
        return self.pci_class >> 8 == 0x02

    @property
    def vfs(self):
        """(made, possible) virtual functions."""
        return (self.machine.number(self.at + "/sriov_numvfs", 0), self.machine.number(self.at + "/sriov_totalvfs", 0))

    def interfaces(self):
        """Names of the kernel's network interfaces on this device; virtio's stand one folder deeper."""
        found = self.machine.names(self.at + "/net")
        for name in self.machine.names(self.at):
            if re.match(r"virtio\d+$", name):
                found += self.machine.names("%s/%s/net" % (self.at, name))
        return found

    def group_mates(self):
        """Other devices of the same IOMMU group."""
        group = self.iommu_group
        if group is None:
            return []
        names = self.machine.names("/sys/kernel/iommu_groups/%s/devices" % group)
        return [Device(self.machine, n) for n in names if n != self.address]


def every(machine):
    """The devices that culvert could use, by address."""
    found = [Device(machine, name) for name in machine.names(DEVICES)]
    return [d for d in found if d.pci_class >> 8 in CLASSES or d.pci_class == COPROCESSOR]


def find(machine, word):
    """The device that a user names: 03:00.0, 0000:03:00.0, or an interface."""
    m = ADDRESS.match(word)
    if m:
        address = "%04x:%02x:%02x.%s" % (int(m.group(1) or "0", 16), int(m.group(2), 16), int(m.group(3), 16), m.group(4))
        if not machine.exists("%s/%s" % (DEVICES, address)):
            raise Trouble("%s: no such PCI device; `bind status` lists those there are" % address)
        return Device(machine, address)
    if "/" in word or not machine.exists("/sys/class/net/%s" % word):
        raise Trouble("%s: neither a PCI address like 0000:03:00.0 nor an interface; `bind status` lists both" % word)
    for d in every(machine):
        if word in d.interfaces():
            return d
    raise Trouble("%s: not on a PCI device; give the interface of the card itself, or its PCI address" % word)


def natural(address):
    return [int(x, 16) for x in re.split("[:.]", address)]
