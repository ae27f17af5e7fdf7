"""What bind remembers of each device: which driver it had, its interfaces with addresses and routes, and what it is bound to.

A binding that outlives a reboot is remembered under /etc/culvert/drivers.d, one that does not under /run, so that
memory and binding end together. From the former come a udev rule (which names the driver before the kernel's own takes the device),
a list of modules, and a unit that binds what was taken all the same, such as by a driver in the initial RAM disk.
"""
import json

from machine import Trouble

KEPT, ONCE = "/etc/culvert/drivers.d", "/run/culvert-drivers/devices"
RULES = "/etc/udev/rules.d/60-culvert-drivers.rules"
MODULES = "/etc/modules-load.d/culvert-drivers.conf"
OPTIONS = "/etc/modprobe.d/culvert-drivers.conf"
UNIT = "/etc/systemd/system/culvert-drivers.service"
WANTED = "/etc/systemd/system/multi-user.target.wants/culvert-drivers.service"
UNIT_TEXT = """# Made by culvert's drivers-config/bind; `bind restore` removes it.
[Unit]
Description=Devices bound for culvert
Wants=network-pre.target
Before=network-pre.target culvert.service
After=systemd-udevd.service systemd-modules-load.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=%s apply

[Install]
WantedBy=multi-user.target
"""


def _name(folder, address):
    return "%s/%s.json" % (folder, address)


def load(machine, address):
    """The record of one device, or None. One that cannot be read is Trouble: guessing what to restore helps nobody."""
    for folder in (KEPT, ONCE):
        name = _name(folder, address)
        if not machine.exists(name):
            continue
        try:
            r = json.loads(machine.read(name, ""))
            if r["address"] != address or not isinstance(r["interfaces"], list) or "previous" not in r or "bound" not in r:
                raise ValueError
            return r
        except (ValueError, KeyError, TypeError):
            raise Trouble("%s: not a record of bind's: remove it, and bind the device back by hand" % name)
    return None


def all_of(machine, folders=(KEPT, ONCE)):
    found = []
    for folder in folders:
        for name in machine.names(folder):
            if name.endswith(".json"):
                r = load(machine, name[:-len(".json")])
                if r:
                    found.append(r)
    return found


def store(machine, record, program):
    """Keeps the record where its kind belongs, and what a reboot needs."""
    folder, other = (ONCE, KEPT) if record["until_reboot"] else (KEPT, ONCE)
    machine.save(_name(folder, record["address"]), json.dumps(record, indent=1, sort_keys=True) + "\n", 0o600)
    machine.remove(_name(other, record["address"]))
    boot_files(machine, program, changed=record)


def note(machine, record):
    """Before the first change to a device: what restore needs if nothing comes after it."""
    machine.save(_name(ONCE, record["address"]), json.dumps(dict(record, bound=None, via="none"), indent=1, sort_keys=True) + "\n", 0o600)


def forget(machine, address, program):
    for folder in (KEPT, ONCE):
        machine.remove(_name(folder, address))
    boot_files(machine, program, gone=address)


def boot_files(machine, program, changed=None, gone=None):
    """Writes, or removes, what makes the kept records true after a reboot. driverctl keeps its own."""
    kept = {r["address"]: r for r in all_of(machine, (KEPT,))}
    if changed:  # a dry run has not written it
        kept.pop(changed["address"], None)
        if not changed["until_reboot"]:
            kept[changed["address"]] = changed
    kept.pop(gone, None)
    rows = [kept[a] for a in sorted(kept) if kept[a]["via"] != "driverctl"]
    bound = [r for r in rows if r["bound"]]
    if not rows:
        had = machine.exists(UNIT)
        for name in (RULES, MODULES, OPTIONS, WANTED, UNIT):
            machine.remove(name)
        if had:
            machine.run("systemctl", "daemon-reload")
        return
    head = "# Made by culvert's drivers-config/bind; `bind restore` removes it.\n"
    machine.save(RULES, head + "".join(
        'ACTION=="add", SUBSYSTEM=="pci", KERNEL=="%s", ATTR{vendor}=="0x%s", ATTR{device}=="0x%s", ATTR{driver_override}="%s"\n'
        % (r["address"], r["ids"][:4], r["ids"][5:], r["bound"]) for r in bound))
    machine.save(MODULES, head + "".join("%s\n" % m for m in sorted({r["bound"] for r in bound})))
    options = ["options vfio enable_unsafe_noiommu_mode=1\n"] if any(r["no_iommu"] for r in bound) else []
    options += ["options vfio-pci disable_denylist=1\n"] if any(r.get("denied") for r in bound) else []
    if options:
        machine.save(OPTIONS, head + "".join(options))
    else:
        machine.remove(OPTIONS)
    machine.save(UNIT, UNIT_TEXT % program)
    machine.link(WANTED, UNIT)
    machine.run("systemctl", "daemon-reload")
