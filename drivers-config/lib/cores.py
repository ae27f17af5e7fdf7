"""cores: keeps everything else away from the processors that culvert's workers poll on.

usage: cores status [--nic DEVICE] [--json]
       cores apply LIST [--nic DEVICE] [--persistent] [--dry-run]
       cores advise LIST [--nic DEVICE]
       cores restore [--dry-run]

LIST are the workers' processors, as in `lcores` of the platform section: 2-5,8. apply does what a running kernel allows:
interrupts (irqbalance is told to stay away) and kernel work queues elsewhere, the rest of the system in a cpuset without them, their governor at performance.
advise prints the kernel command line for what only a boot can do (isolcpus, nohz_full, rcu_nocbs), and names SMT siblings and
foreign NUMA nodes. Exit status: 0 done, 1 it cannot be done, 2 wrong usage.
"""
import argparse
import json
import os
import re
import sys

import pci
from machine import Machine, Trouble, table

CPUS = "/sys/devices/system/cpu"
CPUS_MAX = 8192
BEFORE = "/run/culvert-drivers/cores-before.json"
WORKQUEUES = "/sys/devices/virtual/workqueue/cpumask"
CGROUP = "/sys/fs/cgroup"
SLICES = ("system.slice", "user.slice", "init.scope")
DROP_INS = tuple("/etc/systemd/system/%s.d/50-culvert-cores.conf" % s for s in SLICES)
# culvert's own slice stands beside those, or its workers could not have their processors: under /run until the next boot, as the cpusets are.
SERVICE_NOW, SERVICE = ("/%s/systemd/system/culvert.service.d/50-culvert-cores.conf" % d for d in ("run", "etc"))
SLICE_NOW, SLICE = ("/%s/systemd/system/culvert.slice" % d for d in ("run", "etc"))
UNIT = "/etc/systemd/system/culvert-cores.service"
WANTED = "/etc/systemd/system/multi-user.target.wants/culvert-cores.service"
UNIT_TEXT = """# Made by culvert's drivers-config/cores; `cores restore` removes it.
[Unit]
Description=Processors of culvert's workers: interrupts, work queues and governor
After=culvert-drivers.service systemd-modules-load.service systemd-udev-trigger.service
Before=culvert.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=%s apply %s

[Install]
WantedBy=multi-user.target
"""
# irqbalance would put interrupts back; under /run until the next boot, under /etc with --persistent.
BALANCE_NOW, BALANCE_KEPT = ("/%s/systemd/system/irqbalance.service.d/50-culvert-cores.conf" % d for d in ("run", "etc"))
BALANCE_OWN = "/etc/default/irqbalance"
HEAD = "# Made by culvert's drivers-config/cores; `cores restore` removes it.\n"


def parse(text):
    """"0-2,5" -> [0, 1, 2, 5]; None when it is no such list."""
    found = set()
    for part in (text or "").strip().split(","):
        m = re.match(r"^(\d+)(?:-(\d+))?$", part)
        if not m or not int(m.group(1)) <= int(m.group(2) or m.group(1)) < CPUS_MAX:
            return None
        found.update(range(int(m.group(1)), int(m.group(2) or m.group(1)) + 1))
    return sorted(found)


def write_list(cpus):
    """[0, 1, 2, 5] -> "0-2,5"."""
    out, cpus = [], sorted(cpus)
    for c in cpus:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return ",".join(str(a) if a == b else "%d-%d" % (a, b) for a, b in out)


def write_mask(cpus):
    """The kernel's masks: hexadecimal words of 32 bits, the highest first."""
    value = sum(1 << c for c in cpus)
    words = []
    while True:
        words.append("%08x" % (value & 0xFFFFFFFF))
        value >>= 32
        if not value:
            return ",".join(reversed(words))


class Cores:
    """program: how the unit written for the next boot calls this."""

    def __init__(self, machine, program="cores"):
        self.machine, self.program = machine, program

    # ---- what there is ----
    def online(self):
        return parse(self.machine.read(CPUS + "/online", "0")) or [0]

    def siblings(self, cpu):
        return parse(self.machine.read("%s/cpu%d/topology/thread_siblings_list" % (CPUS, cpu), str(cpu))) or [cpu]

    def node(self, cpu):
        for name in self.machine.names("%s/cpu%d" % (CPUS, cpu)):
            if re.match(r"node\d+$", name):
                return int(name[4:])
        return 0

    def governor(self, cpu):
        return self.machine.read("%s/cpu%d/cpufreq/scaling_governor" % (CPUS, cpu))

    def command_line(self, word):
        """The processors that a word of the kernel's command line names; isolcpus may begin with flags."""
        for w in (self.machine.read("/proc/cmdline", "") or "").split():
            if w.startswith(word + "="):
                parts = [p for p in w.split("=", 1)[1].split(",") if not re.match(r"[a-z_]+$", p)]
                return parse(",".join(parts)) or []
        return []

    def interrupts(self):
        """number -> (processors, name of the interrupt's user)."""
        users = {}
        for line in (self.machine.read("/proc/interrupts", "") or "").splitlines():
            m = re.match(r"\s*(\d+):.*\s(\S+)$", line)
            if m:
                users[int(m.group(1))] = m.group(2)
        found = {}
        for name in self.machine.names("/proc/irq"):
            if name.isdigit():
                cpus = parse(self.machine.read("/proc/irq/%s/smp_affinity_list" % name))
                if cpus is not None:
                    found[int(name)] = (cpus, users.get(int(name), ""))
        return found

    def rows(self, nic=None):
        isolated, tickless, offloaded = (self.command_line(w) for w in ("isolcpus", "nohz_full", "rcu_nocbs"))
        interrupts = self.interrupts()
        rows = []
        for c in self.online():
            mine = [n for n, (cpus, user) in interrupts.items() if c in cpus and user]
            rows.append({"cpu": c, "node": self.node(c), "siblings": [s for s in self.siblings(c) if s != c],
                         "governor": self.governor(c), "isolated": c in isolated, "nohz_full": c in tickless,
                         "rcu_nocbs": c in offloaded, "interrupts": len(mine), "near_nic": self.near(c, nic)})
        return rows

    def near(self, cpu, nic):
        return None if nic is None or nic.numa < 0 else self.node(cpu) == nic.numa

    def status(self, nic, as_json):
        rows = self.rows(nic)
        if as_json:
            json.dump({"cpus": rows, "nic": nic.address if nic else None, "nic_node": nic.numa if nic else None,
                       "applied": json.loads(self.machine.read(BEFORE, "null") or "null") is not None}, self.machine.out, indent=1)
            self.machine.say("")
            return
        yes = {True: "yes", False: "no", None: "-"}
        table([("cpu", "node", "siblings", "governor", "isolated", "nohz_full", "rcu_nocbs", "interrupts", "near NIC")] +
              [(r["cpu"], r["node"], write_list(r["siblings"]) or "-", r["governor"] or "-", yes[r["isolated"]], yes[r["nohz_full"]],
                yes[r["rcu_nocbs"]], r["interrupts"], yes[r["near_nic"]]) for r in rows], self.machine.out)

    # ---- what is asked ----
    def workers(self, text):
        cpus = parse(text)
        online = self.online()
        if cpus is None:
            raise Trouble("%s: no list of processors; it looks like 2-5 or 2,3,8" % text, 2)
        missing = [c for c in cpus if c not in online]
        if missing:
            raise Trouble("processor %s is not online; there are %s" % (write_list(missing), write_list(online)))
        if len(cpus) == len(online):
            raise Trouble("no processor is left for everything else; keep at least one (usually 0) out of the list")
        return cpus

    def advise(self, cpus, nic):
        """Lines for what must wait for a boot, and for what the choice of processors costs."""
        lines, have = [], {w: set(self.command_line(w)) for w in ("isolcpus", "nohz_full", "rcu_nocbs")}
        if not all(set(cpus) <= h for h in have.values()):
            text = write_list(cpus)
            lines.append('kernel command line: in /etc/default/grub GRUB_CMDLINE_LINUX="... isolcpus=managed_irq,domain,%s '
                         'nohz_full=%s rcu_nocbs=%s", then update-grub and reboot' % (text, text, text))
        for c in cpus:
            idle = [s for s in self.siblings(c) if s != c and s not in cpus]
            busy = [s for s in self.siblings(c) if s > c and s in cpus]
            if busy:
                lines.append("processors %d and %s are one core: two workers there share it; take one of them" % (c, write_list(busy)))
            elif idle:
                lines.append("processor %d shares its core with %s: leave that idle (echo 0 > %s/cpu%d/online)" % (
                    c, write_list(idle), CPUS, idle[0]))
        if nic is not None and nic.numa >= 0:
            far = [c for c in cpus if self.node(c) != nic.numa]
            if far:
                near = [c for c in self.online() if self.node(c) == nic.numa]
                lines.append("processor %s is on another NUMA node than %s (node %d): better are %s" % (
                    write_list(far), nic.address, nic.numa, write_list(near) or "none online"))
        lines.append("in the platform section: lcores %s" % write_list(cpus))
        return lines

    # ---- what is done ----
    def apply(self, cpus, nic, persistent):
        rest = [c for c in self.online() if c not in cpus]
        before = json.loads(self.machine.read(BEFORE, "null") or "null")
        if before is None:
            before = self.remember(cpus)
            self.machine.save(BEFORE, json.dumps(before) + "\n")
        self.balance(cpus, persistent)
        moved, kept = self.move_interrupts(cpus, rest)
        self.machine.say("interrupts: %d moved to %s%s" % (moved, write_list(rest), "; %d stay (per processor, or the driver's own)"
                                                           % kept if kept else ""))
        if self.machine.exists(WORKQUEUES):
            self.machine.write(WORKQUEUES, write_mask(rest) + "\n")
        governors = [c for c in cpus if self.governor(c) not in (None, "performance")]
        for c in governors:
            self.machine.write("%s/cpu%d/cpufreq/scaling_governor" % (CPUS, c), "performance\n",
                               "the driver has no such governor; see scaling_available_governors")
        if governors:
            self.machine.say("governor: performance on %s" % write_list(governors))
        unified = self.machine.exists(CGROUP + "/cgroup.controllers")
        if unified:
            self.slices(rest, persistent)
        if persistent:
            self.machine.save(UNIT, UNIT_TEXT % (self.program, write_list(cpus)))
            self.machine.link(WANTED, UNIT)
        if unified or persistent:
            self.machine.run("systemctl", "daemon-reload")  # once, of all of it; and before the cpusets are written, or it might put them back
        if unified:
            self.cpusets(rest)
        else:
            self.machine.say("no unified cgroup hierarchy: other processes are not kept away; isolcpus does it")
        if persistent:
            self.machine.say("%s for the next boot; `systemctl restart culvert` moves it to a slice of its own"
                             % ("would be kept" if self.machine.dry else "kept"))
        for line in self.advise(cpus, nic):
            self.machine.say(line)

    def remember(self, cpus):
        return {"irq": {str(n): write_list(c) for n, (c, _) in self.interrupts().items()},
                "default_irq": self.machine.read("/proc/irq/default_smp_affinity"),
                "workqueues": self.machine.read(WORKQUEUES),
                "governors": {str(c): self.governor(c) for c in self.online() if self.governor(c)},
                "cpusets": {s: self.machine.read("%s/%s/cpuset.cpus" % (CGROUP, s), "") for s in SLICES}}

    def balance(self, cpus, persistent):
        """A list of its own replaces what irqbalance would find of isolated processors, so it has all of ours."""
        if not self.machine.has("irqbalance"):
            return
        name = BALANCE_KEPT if persistent else BALANCE_NOW
        self.machine.save(name, HEAD + "[Service]\nEnvironment=IRQBALANCE_BANNED_CPULIST=%s\n" % write_list(cpus))
        if persistent:
            self.machine.remove(BALANCE_NOW)
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "try-restart", "irqbalance.service")
        self.machine.say("irqbalance: %s to stay away from %s" % ("would be told" if self.machine.dry else "told", write_list(cpus)))
        if re.search(r"^\s*IRQBALANCE_BANNED_CPU", self.machine.read(BALANCE_OWN, "") or "", re.M):
            self.machine.say("%s names processors itself, and counts more: add %s to that line" % (BALANCE_OWN, write_list(cpus)))

    def move_interrupts(self, cpus, rest):
        moved = kept = 0
        default = self.machine.read("/proc/irq/default_smp_affinity")
        if default is not None:
            self.machine.write("/proc/irq/default_smp_affinity", write_mask(rest) + "\n")
        for number, (at, _) in sorted(self.interrupts().items()):
            if not set(at) & set(cpus):
                continue
            try:
                self.machine.write("/proc/irq/%d/smp_affinity_list" % number, write_list(set(at) - set(cpus) or rest) + "\n")
                moved += 1
            except Trouble:
                kept += 1
        return moved, kept

    def slices(self, rest, persistent):
        """What systemd is told: culvert gets a slice beside its own, which from the next boot on do without the workers' processors."""
        if persistent:
            for name in DROP_INS:
                section = "Scope" if ".scope" in name else "Slice"
                self.machine.save(name, HEAD + "[%s]\nAllowedCPUs=%s\n" % (section, write_list(rest)))
        self.machine.save(SLICE if persistent else SLICE_NOW, HEAD + "[Unit]\nDescription=culvert, on processors of its own\n")
        self.machine.save(SERVICE if persistent else SERVICE_NOW, HEAD + "[Service]\nSlice=culvert.slice\n")

    def cpusets(self, rest):
        """systemd's slices do without the workers' processors."""
        there = [n for n in ("%s/%s/cpuset.cpus" % (CGROUP, s) for s in SLICES) if self.machine.exists(n)]
        if not there:
            self.machine.say("no cpusets in the hierarchy: other processes are not kept away; isolcpus does it")
        elif self.machine.exists(CGROUP + "/system.slice/culvert.service"):
            self.machine.say("culvert runs in system.slice and would lose its processors: other processes are not kept away. Restart culvert, "
                             "which moves it to culvert.slice, then apply again")
            return
        for name in there:
            self.machine.write(name, write_list(rest) + "\n")

    def restore(self):
        before = json.loads(self.machine.read(BEFORE, "null") or "null")
        balanced = any(self.machine.exists(n) for n in (BALANCE_NOW, BALANCE_KEPT))
        had = [n for n in DROP_INS + (SLICE_NOW, SERVICE_NOW, SLICE, SERVICE, WANTED, UNIT, BALANCE_NOW, BALANCE_KEPT) if self.machine.exists(n)]
        for name in had:
            self.machine.remove(name)
        if had:
            self.machine.run("systemctl", "daemon-reload")
        if balanced:
            self.machine.run("systemctl", "try-restart", "irqbalance.service")
        if before is None:
            self.machine.say("nothing was applied since the last boot")
            return
        if before["default_irq"]:
            self.machine.write("/proc/irq/default_smp_affinity", before["default_irq"] + "\n")
        for number, cpus in before["irq"].items():
            if self.machine.read("/proc/irq/%s/smp_affinity_list" % number) not in (None, cpus):
                try:
                    self.machine.write("/proc/irq/%s/smp_affinity_list" % number, cpus + "\n")
                except Trouble:
                    pass  # those that the kernel does not let go were never moved
        if before["workqueues"]:
            self.machine.write(WORKQUEUES, before["workqueues"] + "\n")
        for c, governor in before["governors"].items():
            if self.governor(int(c)) not in (None, governor):
                self.machine.write("%s/cpu%s/cpufreq/scaling_governor" % (CPUS, c), governor + "\n")
        for s, text in before["cpusets"].items():
            name = "%s/%s/cpuset.cpus" % (CGROUP, s)
            if any(n in had for n in DROP_INS):  # what apply found after a boot was its own doing already
                text = ""
            if self.machine.exists(name) and self.machine.read(name) != text:
                self.machine.write(name, text + "\n")
        self.machine.remove(BEFORE)
        self.machine.say("interrupts, governors and cpusets are as before")


def parser():
    p = argparse.ArgumentParser(prog="cores", description=__doc__.split("\n")[0])
    p.add_argument("--sysfs", default="/", metavar="DIR", help="look at sys, proc and etc below DIR (tests)")
    sub = p.add_subparsers(dest="command", metavar="status|apply|advise|restore", required=True)
    s = sub.add_parser("status", help="processors: node, siblings, isolation, interrupts, governor")
    s.add_argument("--nic", metavar="DEVICE")
    s.add_argument("--json", action="store_true")
    for name, text in (("apply", "do what can be done now"), ("advise", "print what needs a boot, or another choice")):
        s = sub.add_parser(name, help=text)
        s.add_argument("list")
        s.add_argument("--nic", metavar="DEVICE")
        if name == "apply":
            s.add_argument("--persistent", action="store_true", help="at every boot, too: a unit and systemd's drop-ins")
            s.add_argument("--dry-run", action="store_true")
    s = sub.add_parser("restore", help="as before the first apply")
    s.add_argument("--dry-run", action="store_true")
    return p


def run(argv, machine=None):
    args = parser().parse_args(argv)
    machine = machine or Machine(args.sysfs)
    machine.dry = getattr(args, "dry_run", False)
    if args.command in ("apply", "restore") and machine.real and not machine.dry and os.geteuid() != 0:
        raise Trouble("only root may do this; `cores %s --dry-run` shows what would be done" % args.command, 2)
    if args.command in ("apply", "restore"):
        machine.lock()
    cores = Cores(machine, os.path.realpath(sys.argv[0]))
    nic = pci.find(machine, args.nic) if getattr(args, "nic", None) else None
    if args.command == "status":
        cores.status(nic, args.json)
    elif args.command == "restore":
        cores.restore()
    else:
        cpus = cores.workers(args.list)
        if args.command == "apply":
            cores.apply(cpus, nic, args.persistent)
        else:
            for line in cores.advise(cpus, nic):
                print(line, file=machine.out)
    return 0
