"""bind: hands PCI devices to culvert, and back to the kernel.

usage: bind status [DEVICE ...] [--json]
       bind bind DEVICE ... [--driver D] [--force] [--until-reboot] [--dry-run]
       bind unbind DEVICE ... [--force] [--until-reboot] [--dry-run]
       bind restore DEVICE ... | --all [--dry-run]
       bind apply                        (at boot: makes what was bound true again)

DEVICE is a PCI address (0000:03:00.0, 03:00.0) or an interface (eth1). Drivers: vfio-pci (the default where there is an
IOMMU), vfio-noiommu, uio_pci_generic. Exit status: 0 done, 1 it cannot be done, 2 wrong usage.
"""
import argparse
import json
import os
import sys
import time

import guard
import pci
import profiles
import record
from machine import Machine, Trouble, table

NO_IOMMU = "vfio-noiommu"
DRIVERS = ("vfio-pci", NO_IOMMU, "uio_pci_generic")
DENYLIST, DENYLIST_OFF = "/sys/module/vfio_pci/parameters/disable_denylist", "disable_denylist=1"
UNSAFE = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
DRIVERS_PROBE = "/sys/bus/pci/drivers_probe"
APPEAR_S = 5
# Of what the kernel says of an address, what `ip addr add` needs to have it back.
SCOPES = ("global", "site")


class Binder:
    """One run over a machine. program: how the unit written for the next boot calls this. pid: whose login counts (tests)."""

    def __init__(self, machine, program="bind", pid=None):
        self.machine, self.program, self.pid = machine, program, pid
        self.families = profiles.load()

    # ---- status ----
    def row(self, device, protected):
        interfaces = device.interfaces()
        held = record.load(self.machine, device.address)
        family = profiles.family_of(self.families, device)
        made, possible = device.vfs
        notes = ["%s %s" % (i, protected[i]) for i in interfaces if i in protected]
        notes += ["%s is up" % i for i in interfaces if i not in protected and self._is_up(i)]
        if held:
            notes.append("restore gives it back to %s" % (held["previous"] or "no driver"))
            if held["until_reboot"]:
                notes.append("until the next reboot")
        return {"address": device.address, "ids": device.ids, "kind": "network" if device.is_network else "crypto",
                "family": family.name if family else None, "driver": device.driver, "interfaces": interfaces,
                "numa": device.numa, "iommu_group": device.iommu_group, "vf": device.is_vf, "vfs": made,
                "vfs_possible": possible, "bound": device.driver in pci.USER_DRIVERS,
                "protected": any(i in protected for i in interfaces), "previous": held["previous"] if held else None,
                "notes": notes}

    def _is_up(self, interface):
        return bool((self.machine.number("/sys/class/net/%s/flags" % interface, 0) or 0) & 1)

    def status(self, words, as_json):
        devices = [pci.find(self.machine, w) for w in words] or pci.every(self.machine)
        devices.sort(key=lambda d: pci.natural(d.address))
        protected = guard.protected(self.machine, self.pid)
        rows = [self.row(d, protected) for d in devices]
        if as_json:
            json.dump({"devices": rows, "iommu": bool(self.machine.names("/sys/kernel/iommu_groups"))},
                      self.machine.out, indent=1)
            self.machine.say("")
            return
        if not rows:
            self.machine.say("no network or crypto device on the PCI bus")
            return
        heading = ("address", "ids", "family", "driver", "interface", "numa", "group", "notes")
        table([heading] + [(r["address"], r["ids"], r["family"] or "-", r["driver"] or "none", ",".join(r["interfaces"]) or "-",
                            r["numa"] if r["numa"] >= 0 else "-", r["iommu_group"] or "-", "; ".join(r["notes"])) for r in rows],
              self.machine.out)

    # ---- refusals ----
    def refuse(self, device, force):
        """Trouble when taking the device would cut somebody off."""
        protected = guard.protected(self.machine, self.pid)
        for interface in device.interfaces():
            if interface in protected and not force:
                raise Trouble("%s: %s %s; take another port, or say --force" % (device.address, interface, protected[interface]))
        if device.vfs[0] > 0 and not force:
            raise Trouble("%s: its %d virtual functions would go away; remove them (echo 0 > %s/sriov_numvfs), or say --force"
                          % (device.address, device.vfs[0], device.at))

    def refuse_family(self, device):
        family = profiles.family_of(self.families, device)
        if family and family.bind == "never":
            raise Trouble("%s: %s works beside its kernel driver and is not bound: name the port in the platform section as it is"
                          % (device.address, family.name))
        if family and device.address and family.bind == "vf" and not device.is_vf and family.is_pf(device):
            raise Trouble("%s: of %s only virtual functions are bound; make some: echo 1 > %s/sriov_numvfs"
                          % (device.address, family.name, device.at))
        if not family and not device.is_network:
            raise Trouble("%s: %s is in no profile under devices/; culvert has no use for it" % (device.address, device.ids))

    def refuse_group(self, device, with_them):
        """All devices of an IOMMU group go to user space together; bridges above do not count."""
        for mate in device.group_mates():
            bridge = mate.pci_class >> 8 == 0x06
            if bridge or mate.driver in (None, "vfio-pci", "pci-stub") or mate.address in with_them:
                continue
            raise Trouble("%s: IOMMU group %s also holds %s (driver %s): bind both, or use --driver uio_pci_generic"
                          % (device.address, device.iommu_group, mate.address, mate.driver))

    # ---- drivers ----
    def choose(self, device):
        if device.iommu_group is not None:
            return "vfio-pci"
        if device.is_vf or not self.machine.number(device.at + "/irq", 0):
            return NO_IOMMU  # uio_pci_generic wants an interrupt line, which virtual functions do not have
        return "uio_pci_generic"

    def prepare(self, device, driver, with_them):
        """Loads modules and checks what the driver needs. Returns the name of the kernel's driver."""
        if driver == "uio_pci_generic":
            if device.is_vf:
                raise Trouble("%s: uio_pci_generic cannot serve a virtual function; turn the IOMMU on and use vfio-pci"
                              % device.address)
            self._module("uio_pci_generic", device)
            return driver
        if driver == "vfio-pci":
            if device.iommu_group is None:
                raise Trouble("%s: vfio-pci needs an IOMMU; turn VT-d or AMD-Vi on in the firmware and boot with "
                              "intel_iommu=on (Intel) iommu=pt, or use --driver uio_pci_generic" % device.address)
            self.refuse_group(device, with_them)
        elif device.iommu_group is not None and not self._unsafe_group(device):
            raise Trouble("%s: there is an IOMMU: vfio-pci is safer, and no-IOMMU mode not possible" % device.address)
        if self.is_denied(device):
            self._without_denylist(device)
        else:
            self._module("vfio-pci", device)
        if driver == NO_IOMMU:
            if not self.machine.dry and not self.machine.exists(UNSAFE):
                raise Trouble("%s: this kernel has no VFIO without IOMMU (CONFIG_VFIO_NOIOMMU); use --driver uio_pci_generic"
                              % device.address)
            if self.machine.read(UNSAFE) not in ("Y", "1"):
                self.machine.write(UNSAFE, "1")
        return "vfio-pci"

    def _unsafe_group(self, device):
        name = self.machine.read("/sys/kernel/iommu_groups/%s/name" % device.iommu_group, "")
        return "noiommu" in name

    def is_denied(self, device):
        """The kernel keeps some QuickAssist functions from vfio-pci, for errata of theirs."""
        family = profiles.family_of(self.families, device)
        return family is not None and device.ids in family.denied_ids

    def _without_denylist(self, device):
        """The option counts when the module is loaded: one that is loaded without it goes first, if no other device has it."""
        if self.machine.exists("/sys/module/vfio_pci"):
            if self.machine.read(DENYLIST) in ("Y", "1") or not self.machine.exists(DENYLIST):  # set, or a kernel without the list
                return
            others = [n for n in self.machine.names("/sys/bus/pci/drivers/vfio-pci") if ":" in n]
            if others:
                raise Trouble("%s: vfio-pci keeps away from %s unless loaded with %s, and has %s: give that back (`bind restore`), bind this "
                              "one first" % (device.address, device.ids, DENYLIST_OFF, " ".join(others)))
            status, _ = self.machine.run("modprobe", "-r", "vfio-pci")
            if status != 0:
                raise Trouble("%s: vfio-pci keeps away from %s, and cannot be loaded anew; boot with vfio_pci.%s on the kernel's command line"
                              % (device.address, device.ids, DENYLIST_OFF))
        self._module("vfio-pci", device, DENYLIST_OFF)

    def _module(self, name, device, *options):
        if not self.machine.modprobe(name, *options):
            raise Trouble("%s: module %s cannot be loaded (see `modprobe %s`); on Debian's cloud kernels install "
                          "linux-image-amd64" % (device.address, name, name))

    def unbind_now(self, device):
        if device.driver:
            self.machine.write("%s/driver/unbind" % device.at, device.address)

    def move(self, device, driver):
        """Takes the device from its driver and offers it to another; puts it back when that one refuses."""
        before, override = device.driver, device.override
        self.machine.write(device.at + "/driver_override", driver + "\n")
        self.unbind_now(device)
        refused = None
        try:
            self.machine.write(DRIVERS_PROBE, device.address)
        except Trouble as e:
            refused = e
        if self.machine.dry or device.driver == driver:
            return
        self.machine.write(device.at + "/driver_override", (override or "") + "\n")
        if before:
            try:
                self.machine.write(DRIVERS_PROBE, device.address)
            except Trouble:
                pass
        raise Trouble("%s: %s did not take the device, it is %s again; `dmesg | tail` says why%s" % (
            device.address, driver, device.driver or "without a driver", "" if not refused else " (%s)" % refused))

    def move_or_undo(self, device, driver, held):
        """A driver that took the device back after a refusal has made its interfaces anew, without addresses."""
        try:
            self.move(device, driver)
        except Trouble as e:
            if device.driver == held["previous"]:
                if "via" not in held:
                    record.forget(self.machine, device.address, self.program)
                raise Trouble("%s%s" % (e, self._interfaces_back(device, held["interfaces"])))
            raise

    # ---- memory ----
    def remember(self, device, until_reboot):
        """The record for restore: that of the first binding, when there were several."""
        held = record.load(self.machine, device.address)
        if held is None:
            held = {"version": 1, "address": device.address, "ids": device.ids, "previous": device.driver,
                    "override": device.override, "interfaces": [self._interface(i) for i in device.interfaces()]}
            record.note(self.machine, held)
        held["until_reboot"] = until_reboot
        return held

    def _interface(self, name):
        link = (self.machine.ip("addr", "show", "dev", name) or [{}])[0]
        addresses = []
        for a in link.get("addr_info", []):
            if a.get("scope") in SCOPES and not a.get("temporary") and a.get("protocol") != "kernel_ra":
                addresses.append("%s/%d" % (a["local"], a["prefixlen"]))
        routes = []
        for family in ("-4", "-6"):
            for r in self.machine.ip(family, "route", "show", "dev", name):
                if r.get("protocol") not in ("kernel", "ra") and "dst" in r and not r.get("nexthops"):
                    routes.append({k: r[k] for k in ("dst", "gateway", "metric", "prefsrc") if k in r})
        return {"name": name, "mac": self.machine.read("/sys/class/net/%s/address" % name, ""),
                "mtu": self.machine.number("/sys/class/net/%s/mtu" % name, 1500), "up": self._is_up(name),
                "master": self.machine.link_name("/sys/class/net/%s/master" % name), "addresses": addresses, "routes": routes}

    def keep(self, held, bound, no_iommu, denied=False):
        held["bound"], held["no_iommu"], held["denied"] = bound, no_iommu, denied
        plain = bound and not no_iommu and not denied  # driverctl sets no options of modules
        via = "none" if held["until_reboot"] else "driverctl" if self.machine.has("driverctl") and plain else "unit"
        if held.get("via") == "driverctl" and via != "driverctl":  # or it would bind the device again at every boot
            self.machine.run("driverctl", "--noprobe", "unset-override", held["address"])
        held["via"] = via
        record.store(self.machine, held, self.program)
        if via == "driverctl":
            status, text = self.machine.run("driverctl", "--noprobe", "set-override", held["address"], bound)
            if status != 0:
                held["via"] = "unit"
                record.store(self.machine, held, self.program)

    # ---- commands ----
    def bind(self, words, driver, force, until_reboot):
        devices = [pci.find(self.machine, w) for w in words]
        named = {d.address for d in devices}
        for d in devices:  # all refusals before the first change
            self.refuse_family(d)
            self.refuse(d, force)
        for d in devices:
            wanted = driver or self.choose(d)
            kernel = self.prepare(d, wanted, named)
            held = self.remember(d, until_reboot)
            for interface in d.interfaces():
                self.machine.run("ip", "link", "set", interface, "down")
            if d.driver != kernel:
                self.move_or_undo(d, kernel, held)
            self.keep(held, kernel, wanted == NO_IOMMU, kernel == "vfio-pci" and self.is_denied(d))
            self.machine.say("%s: %s" % (d.address, ("would be bound to %s" if self.machine.dry else "bound to %s") % wanted))

    def unbind(self, words, force, until_reboot):
        devices = [pci.find(self.machine, w) for w in words]
        for d in devices:
            self.refuse(d, force)
        for d in devices:
            if d.driver is None:
                self.machine.say("%s: has no driver" % d.address)
                continue
            held = self.remember(d, until_reboot)
            self.unbind_now(d)
            if not self.machine.dry and d.driver is not None:
                raise Trouble("%s: %s did not let go; `dmesg | tail` says why" % (d.address, d.driver))
            held["until_reboot"] = True  # nothing takes a device away from its driver at boot
            self.keep(held, None, False)
            self.machine.say("%s: %s" % (d.address, "would have no driver" if self.machine.dry else "has no driver now"))

    def restore(self, words, everything):
        held = [r["address"] for r in record.all_of(self.machine)]
        addresses = held if everything else [pci.find(self.machine, w).address for w in words]
        for address in addresses:
            r = record.load(self.machine, address)
            if r is None:
                raise Trouble("%s: bind remembers nothing of it; `bind status` lists what it does" % address)
            if not self.machine.exists("%s/%s" % (pci.DEVICES, address)):
                record.forget(self.machine, address, self.program)
                self.machine.say("%s: is no more in this machine; forgotten" % address)
                continue
            self.restore_one(pci.Device(self.machine, address), r)
        if not addresses:
            self.machine.say("nothing is bound")

    def restore_one(self, device, r):
        if device.ids != r["ids"]:
            raise Trouble("%s: was %s when it was bound and is %s now: remove %s/%s.json when that is right"
                          % (device.address, r["ids"], device.ids, record.KEPT, device.address))
        if r["via"] == "driverctl":
            self.machine.run("driverctl", "--noprobe", "unset-override", device.address)
        previous = r["previous"]
        if device.driver != previous:
            self.machine.write(device.at + "/driver_override", (r["override"] or "") + "\n")
            self.unbind_now(device)
            if previous:
                self.machine.modprobe(previous)
                self.machine.write(DRIVERS_PROBE, device.address)
            if not self.machine.dry and device.driver != previous:
                raise Trouble("%s: has driver %s, not %s as before; `modprobe %s`, then restore again"
                              % (device.address, device.driver or "none", previous, previous))
        record.forget(self.machine, device.address, self.program)
        lost = self._interfaces_back(device, r["interfaces"])
        verb = "would go back to" if self.machine.dry else "is back with"
        self.machine.say("%s: %s %s%s" % (device.address, verb, previous or "no driver", lost))

    def _appeared(self, device):
        end = time.monotonic() + APPEAR_S
        while not device.interfaces() and self.machine.real and not self.machine.dry and time.monotonic() < end:
            time.sleep(0.1)
        return device.interfaces()

    def _interfaces_back(self, device, interfaces):
        """Names, addresses and routes as they were. Returns what could not be had back, for the last line."""
        failed = []
        if not interfaces:
            return ""
        now = self._appeared(device)
        by_mac = {self.machine.read("/sys/class/net/%s/address" % n, ""): n for n in now}
        for i, was in enumerate(interfaces):
            name = by_mac.get(was["mac"]) or (now[i] if i < len(now) else was["name"] if self.machine.dry else None)
            if name is None:
                failed.append("interface %s did not come back" % was["name"])
                continue
            if name != was["name"] and not self.machine.exists("/sys/class/net/%s" % was["name"]):
                if self.machine.run("ip", "link", "set", name, "name", was["name"])[0] == 0:
                    name = was["name"]
            self.machine.run("ip", "link", "set", name, "mtu", str(was["mtu"]))
            if was["master"]:
                self.machine.run("ip", "link", "set", name, "master", was["master"])
            if was["up"]:
                self.machine.run("ip", "link", "set", name, "up")
            for address in was["addresses"]:
                if self.machine.run("ip", "addr", "replace", address, "dev", name)[0] != 0:
                    failed.append(address)
            for r in was["routes"] if was["up"] else []:
                words = ["-6" if ":" in r["dst"] + r.get("gateway", "") else "-4", "route", "replace", r["dst"]]
                for key, word in (("gateway", "via"), ("prefsrc", "src"), ("metric", "metric")):
                    words += [word, str(r[key])] if key in r else []
                if self.machine.run("ip", *words, "dev", name)[0] != 0:
                    failed.append("route to %s" % r["dst"])
        return "; not restored: %s" % ", ".join(failed) if failed else ""

    def apply(self):
        """At boot: every kept binding whose device is still the one that was bound. The rest is told, and left alone."""
        bad = 0
        for r in record.all_of(self.machine, (record.KEPT,)):
            address = r["address"]
            try:
                if not self.machine.exists("%s/%s" % (pci.DEVICES, address)):
                    raise Trouble("%s: is no more in this machine; `bind restore %s` forgets it" % (address, address))
                device = pci.Device(self.machine, address)
                if device.ids != r["ids"]:
                    raise Trouble("%s: is %s now and was %s: slots moved; bind it again by hand" % (address, device.ids, r["ids"]))
                if device.driver == r["bound"]:
                    continue
                self.refuse(device, False)
                self.prepare(device, NO_IOMMU if r["no_iommu"] else r["bound"], {k["address"] for k in record.all_of(self.machine)})
                self.move(device, r["bound"])
                self.machine.say("%s: bound to %s" % (address, r["bound"]))
            except Trouble as e:
                print("bind: %s" % e, file=sys.stderr)
                bad = 1
        return bad


def parser():
    p = argparse.ArgumentParser(prog="bind", description=__doc__.split("\n")[0], epilog="DEVICE: a PCI address, or an interface.")
    p.add_argument("--sysfs", default="/", metavar="DIR", help="look at sys, proc and etc below DIR (tests)")
    sub = p.add_subparsers(dest="command", metavar="status|bind|unbind|restore|apply", required=True)
    s = sub.add_parser("status", help="devices, their family, driver, interfaces, and who holds them")
    s.add_argument("device", nargs="*")
    s.add_argument("--json", action="store_true")
    for name, text in (("bind", "hand devices to culvert"), ("unbind", "take devices from their driver")):
        s = sub.add_parser(name, help=text)
        s.add_argument("device", nargs="+")
        if name == "bind":
            s.add_argument("--driver", choices=DRIVERS)
        s.add_argument("--force", action="store_true", help="although it carries the default route or the login")
        s.add_argument("--until-reboot", action="store_true", help="write nothing under /etc")
        s.add_argument("--dry-run", action="store_true", help="say what would be done")
    s = sub.add_parser("restore", help="give devices back to the drivers they had, with addresses and routes")
    s.add_argument("device", nargs="*")
    s.add_argument("--all", action="store_true")
    s.add_argument("--dry-run", action="store_true")
    sub.add_parser("apply", help="what the unit runs at boot")
    return p


def run(argv, machine=None, pid=None):
    """The command line. machine and pid: what tests put in place of this machine and this process."""
    args = parser().parse_args(argv)
    machine = machine or Machine(args.sysfs)
    machine.dry = getattr(args, "dry_run", False)
    if args.command != "status" and machine.real and not machine.dry and os.geteuid() != 0:
        raise Trouble("only root may do this; `bind %s --dry-run` shows what would be done" % args.command, 2)
    program = os.path.realpath(sys.argv[0])
    if args.command != "status":
        machine.lock()
    b = Binder(machine, program, pid)
    if args.command == "status":
        b.status(args.device, args.json)
    elif args.command == "bind":
        b.bind(args.device, args.driver, args.force, args.until_reboot)
    elif args.command == "unbind":
        b.unbind(args.device, args.force, args.until_reboot)
    elif args.command == "restore":
        if bool(args.device) == args.all:
            raise Trouble("restore wants devices, or --all", 2)
        b.restore(args.device, args.all)
    else:
        return b.apply()
    return 0
