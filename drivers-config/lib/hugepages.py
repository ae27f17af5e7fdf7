"""hugepages: the memory that culvert's packet buffers and tables stand in, per size and NUMA node, now and after a reboot.

usage: hugepages status [--json]
       hugepages set COUNT | --mib N  [--size 2M|1G] [--node N] [--dry-run]
       hugepages persistent COUNT | --mib N  [--size 2M|1G] [--node N] [--dry-run]
       hugepages restore [--dry-run]     (what it was before the first set, and nothing at boot)
       hugepages apply                   (at boot: what persistent said)

Without --node the pages are spread over all nodes. Exit status: 0 done, 1 it cannot be done, 2 wrong usage.
"""
import argparse
import json
import os
import re
import sys

from machine import Machine, Trouble, table

NODES = "/sys/devices/system/node"
SIZES = {"2M": 2048, "1G": 1048576}  # KiB
KEPT = "/etc/culvert/hugepages.json"
BEFORE = "/run/culvert-drivers/hugepages-before"
UNIT = "/etc/systemd/system/culvert-hugepages.service"
WANTED = "/etc/systemd/system/sysinit.target.wants/culvert-hugepages.service"
UNIT_TEXT = """# Made by culvert's drivers-config/hugepages; `hugepages restore` removes it.
[Unit]
Description=Hugepages for culvert
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=%s apply

[Install]
WantedBy=sysinit.target
"""
MOUNTS = {"2M": "/dev/hugepages", "1G": "/dev/hugepages1G"}


class Pages:
    def __init__(self, machine, program="hugepages"):
        self.machine, self.program = machine, program

    def nodes(self):
        return sorted(int(n[4:]) for n in self.machine.names(NODES) if re.match(r"node\d+$", n)) or [0]

    def at(self, node, size):
        folder = "hugepages-%dkB" % SIZES[size]
        if self.machine.exists("%s/node%d" % (NODES, node)):
            return "%s/node%d/hugepages/%s" % (NODES, node, folder)
        return "/sys/kernel/mm/hugepages/%s" % folder

    def rows(self):
        rows = []
        for size in SIZES:
            for node in self.nodes():
                at = self.at(node, size)
                if self.machine.exists(at):
                    rows.append({"size": size, "node": node, "total": self.machine.number(at + "/nr_hugepages", 0),
                                 "free": self.machine.number(at + "/free_hugepages", 0)})
        return rows

    def mounted(self, size):
        """Where hugetlbfs of this size is mounted; None when it is nowhere."""
        default = self.machine.read("/proc/meminfo", "") or ""
        m = re.search(r"Hugepagesize:\s*(\d+) kB", default)
        default_kib = int(m.group(1)) if m else 2048
        for line in (self.machine.read("/proc/mounts", "") or "").splitlines():
            f = line.split()
            if len(f) > 3 and f[2] == "hugetlbfs":
                p = re.search(r"pagesize=(\d+)([KMG])", f[3])
                kib = int(p.group(1)) * {"K": 1, "M": 1024, "G": 1048576}[p.group(2)] if p else default_kib
                if kib == SIZES[size]:
                    return f[1]
        return None

    def status(self, as_json):
        rows = self.rows()
        kept = self.kept()
        if as_json:
            json.dump({"pages": rows, "mounts": {s: self.mounted(s) for s in SIZES}, "at_boot": kept}, self.machine.out, indent=1)
            self.machine.say("")
            return
        if not rows:
            raise Trouble("this kernel has no hugepages (CONFIG_HUGETLBFS); write `memory no-huge` in the platform section")
        table([("size", "node", "pages", "free", "MiB", "at boot", "mounted")] +
              [(r["size"], r["node"], r["total"], r["free"], r["total"] * SIZES[r["size"]] // 1024,
                self.share_at_boot(kept, r),
                self.mounted(r["size"]) or "-") for r in rows], self.machine.out)

    def share_at_boot(self, kept, row):
        """Of what is spread over all nodes the node's own part, as apply will make it."""
        counts = [self.spread(k["count"], k["node"]).get(row["node"], 0) for k in kept
                  if k["size"] == row["size"] and k["node"] in [None, row["node"]]]
        return str(counts[-1]) if counts else "-"

    def spread(self, count, node):
        """node -> count. A remainder goes to the first nodes."""
        nodes = self.nodes()
        if node is not None:
            if node not in nodes:
                raise Trouble("no NUMA node %d; there are: %s" % (node, " ".join(map(str, nodes))), 2)
            return {node: count}
        return {n: count // len(nodes) + (i < count % len(nodes)) for i, n in enumerate(nodes)}

    def set(self, count, size, node):
        shares = self.spread(count, node)
        for n in shares:
            if not self.machine.exists(self.at(n, size)):
                raise Trouble("no hugepages of %s here: the processor lacks %s; use --size 2M"
                              % (size, "pdpe1gb" if size == "1G" else "pse"))
        if not self.machine.exists(BEFORE):
            self.machine.save(BEFORE, json.dumps(self.rows()) + "\n")
        for n, wanted in shares.items():
            self.grow(n, size, wanted)
        self.mount(size)

    def grow(self, node, size, wanted):
        name = self.at(node, size) + "/nr_hugepages"
        if not self.machine.write(name, "%d\n" % wanted):
            return
        got = self.machine.number(name, 0)
        if got < wanted:  # memory in the way may be movable
            for file, text in (("/proc/sys/vm/drop_caches", "3\n"), ("/proc/sys/vm/compact_memory", "1\n")):
                if self.machine.exists(file):
                    self.machine.write(file, text)
            self.machine.write(name, "%d\n" % wanted)
            got = self.machine.number(name, 0)
        if got < wanted:
            raise Trouble("node %d: %d of %d pages of %s: memory is fragmented or short; %s" % (
                node, got, wanted, size, self.advice(node, size, wanted)))
        if got > wanted:
            raise Trouble("node %d: %d pages of %s are in use, so not fewer than %d remain; stop what uses them (lsof | grep "
                          "hugepages)" % (node, got, size, got))
        self.machine.say("node %d: %d pages of %s" % (node, got, size))

    def advice(self, node, size, wanted):
        info = self.machine.read("%s/node%d/meminfo" % (NODES, node)) or self.machine.read("/proc/meminfo", "") or ""
        m = re.search(r"MemFree:\s*(\d+) kB", info)
        free = int(m.group(1)) // SIZES[size] if m else 0
        boot = "have them made at boot: add %s to GRUB_CMDLINE_LINUX in /etc/default/grub, update-grub, reboot" % self.boot_words(
            size, wanted)
        return boot if free >= wanted or size == "1G" else "only %d would fit into free memory; ask for fewer, or %s" % (free, boot)

    @staticmethod
    def boot_words(size, count):
        return ("hugepagesz=1G hugepages=%d" if size == "1G" else "hugepages=%d") % count

    def mount(self, size):
        if self.mounted(size):
            return
        where = MOUNTS[size]
        if not self.machine.dry and self.machine.real:
            os.makedirs(where, exist_ok=True)
        status, text = self.machine.run("mount", "-t", "hugetlbfs", "-o", "pagesize=%s" % size, "hugetlbfs", where)
        if status != 0:
            self.machine.say("%s: cannot be mounted (%s); culvert itself needs no mount" % (where, text))

    # ---- across reboots ----
    def kept(self):
        try:
            rows = json.loads(self.machine.read(KEPT, "[]"))
            if not isinstance(rows, list):
                raise ValueError
            for r in rows:
                if r["size"] not in SIZES or not isinstance(r["count"], int) or r["node"] not in [None] + list(range(1024)):
                    raise ValueError
            return rows
        except (ValueError, KeyError, TypeError):
            raise Trouble("%s: not what hugepages wrote: remove it" % KEPT)

    def persistent(self, count, size, node):
        rows = [r for r in self.kept() if r["size"] != size or (node is not None and r["node"] not in (None, node))]
        self.spread(count, node)
        if count:
            rows.append({"size": size, "node": node, "count": count})
        if rows:
            self.machine.save(KEPT, json.dumps(rows) + "\n")
            self.machine.save(UNIT, UNIT_TEXT % self.program)
            self.machine.link(WANTED, UNIT)
        else:
            self._forget()
        self.machine.run("systemctl", "daemon-reload")
        self.machine.say("%s at boot: %d pages of %s%s" % (
            "would be made" if self.machine.dry else "made", count, size, "" if node is None else " on node %d" % node))
        if size == "1G":
            self.machine.say("pages of 1 GiB are surest from the kernel's command line: GRUB_CMDLINE_LINUX=\"... %s\""
                             % self.boot_words(size, count))

    def _forget(self):
        for name in (KEPT, WANTED, UNIT):
            self.machine.remove(name)

    def apply(self):
        bad = 0
        for r in self.kept():
            try:
                self.set(r["count"], r["size"], r["node"])
            except Trouble as e:
                print("hugepages: %s" % e, file=sys.stderr)
                bad = 1
        return bad

    def restore(self):
        had = self.machine.exists(KEPT)
        self._forget()
        if had:
            self.machine.run("systemctl", "daemon-reload")
        text = self.machine.read(BEFORE)
        for r in json.loads(text) if text else []:
            self.grow(r["node"], r["size"], r["total"])
        self.machine.remove(BEFORE)
        if not text:
            self.machine.say("nothing was set since the last boot")


def parser():
    p = argparse.ArgumentParser(prog="hugepages", description=__doc__.split("\n")[0])
    p.add_argument("--sysfs", default="/", metavar="DIR", help="look at sys, proc and etc below DIR (tests)")
    sub = p.add_subparsers(dest="command", metavar="status|set|persistent|restore|apply", required=True)
    s = sub.add_parser("status", help="pages by size and node")
    s.add_argument("--json", action="store_true")
    for name, text in (("set", "make pages now"), ("persistent", "make pages at every boot")):
        s = sub.add_parser(name, help=text)
        s.add_argument("count", nargs="?", type=int)
        s.add_argument("--mib", type=int, help="as many as hold so many MiB")
        s.add_argument("--size", choices=sorted(SIZES), default="2M")
        s.add_argument("--node", type=int)
        s.add_argument("--dry-run", action="store_true")
    s = sub.add_parser("restore", help="as before the first set, and nothing at boot")
    s.add_argument("--dry-run", action="store_true")
    sub.add_parser("apply", help="what the unit runs at boot")
    return p


def run(argv, machine=None):
    args = parser().parse_args(argv)
    machine = machine or Machine(args.sysfs)
    machine.dry = getattr(args, "dry_run", False)
    if args.command != "status" and machine.real and not machine.dry and os.geteuid() != 0:
        raise Trouble("only root may do this; `hugepages %s --dry-run` shows what would be done" % args.command, 2)
    pages = Pages(machine, os.path.realpath(sys.argv[0]))
    if args.command == "status":
        pages.status(args.json)
        return 0
    machine.lock()
    if args.command == "restore":
        pages.restore()
        return 0
    if args.command == "apply":
        return pages.apply()
    if (args.count is None) == (args.mib is None):
        raise Trouble("%s wants a count of pages, or --mib" % args.command, 2)
    count = args.count if args.count is not None else -(-args.mib * 1024 // SIZES[args.size])
    if count < 0:
        raise Trouble("%d pages: a count is not negative" % count, 2)
    (pages.set if args.command == "set" else pages.persistent)(count, args.size, args.node)
    return 0
