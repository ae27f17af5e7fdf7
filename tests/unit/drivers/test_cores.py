#!/usr/bin/python3
"""drivers-config/cores over made-up machines: lists and masks, advice, what apply writes and restore puts back."""
import json
import os
import tempfile
import unittest

from fake import FakeMachine

import cores
from machine import Trouble

CPU = "sys/devices/system/cpu"


class Lists(unittest.TestCase):
    def test_lists(self):
        for text, cpus in (("0", [0]), ("0-2,5", [0, 1, 2, 5]), ("5,0-2", [0, 1, 2, 5])):
            self.assertEqual(cores.parse(text), cpus)
        for text in ("", "a", "3-1", "1,", "1-", "-1", "1 2", "99999999", None):
            self.assertIsNone(cores.parse(text), text)
        self.assertEqual(cores.write_list([5, 0, 1, 2]), "0-2,5")
        self.assertEqual(cores.write_list([]), "")

    def test_masks(self):
        self.assertEqual(cores.write_mask([0, 1]), "00000003")
        self.assertEqual(cores.write_mask([0, 33]), "00000002,00000001")


class Case(unittest.TestCase):
    """Two nodes of two cores with two threads each: 0,4 1,5 on node 0; 2,6 3,7 on node 1."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.m = m = FakeMachine(self.folder.name)
        m.put(CPU + "/online", "0-7")
        for c in range(8):
            m.put("%s/cpu%d/topology/thread_siblings_list" % (CPU, c), "%d,%d" % (c % 4, c % 4 + 4))
            m.put("%s/cpu%d/cpufreq/scaling_governor" % (CPU, c), "powersave")
            os.makedirs(m.path("%s/cpu%d/node%d" % (CPU, c, c % 4 // 2)))
        m.put("proc/cmdline", "root=/dev/sda1 quiet")
        m.put("proc/interrupts", "     CPU0\n 24:  1 0 IO-APIC 24-edge eth0\n 25:  1 0 PCI-MSI 25 nvme0q1")
        m.put("proc/irq/24/smp_affinity_list", "0-7")
        m.put("proc/irq/25/smp_affinity_list", "3")
        m.put("proc/irq/default_smp_affinity", "000000ff")
        m.put("sys/devices/virtual/workqueue/cpumask", "ff")
        m.put("sys/fs/cgroup/cgroup.controllers", "cpuset cpu")
        for s in cores.SLICES:
            m.put("sys/fs/cgroup/%s/cpuset.cpus" % s, "")

    def tearDown(self):
        if self.m.held:
            self.m.held.close()
        self.folder.cleanup()

    def call(self, *argv):
        cores.run([*argv], machine=self.m)
        return self.m.printed()

    def refused(self, holds, *argv, status=1):
        with self.assertRaises(Trouble) as e:
            self.call(*argv)
        self.assertIn(holds, str(e.exception))
        self.assertEqual(e.exception.status, status)

    def state(self):
        names = ["proc/irq/24/smp_affinity_list", "proc/irq/25/smp_affinity_list", "proc/irq/default_smp_affinity",
                 "sys/devices/virtual/workqueue/cpumask"] + ["sys/fs/cgroup/%s/cpuset.cpus" % s for s in cores.SLICES] + [
                     "%s/cpu%d/cpufreq/scaling_governor" % (CPU, c) for c in range(8)]
        return [self.m.read("/" + n) for n in names]


class Apply(Case):
    def test_apply_and_restore(self):
        before = self.state()
        text = self.call("apply", "2,3")
        self.assertEqual(self.state(), ["0-1,4-7", "0-1,4-7", "000000f3", "000000f3", "0-1,4-7", "0-1,4-7", "0-1,4-7"] +
                         ["performance" if c in (2, 3) else "powersave" for c in range(8)])
        self.assertIn("interrupts: 2 moved to 0-1,4-7", text)
        self.assertIn("Slice=culvert.slice", self.m.read(cores.SERVICE_NOW))  # or culvert, in system.slice, would have no processor to poll on
        self.assertTrue(self.m.exists(cores.SLICE_NOW))
        self.assertFalse(self.m.exists(cores.SERVICE))
        self.assertEqual(self.m.ran, [("systemctl", "daemon-reload")])
        self.call("apply", "3")  # a second apply does not forget the first state
        self.call("restore")
        self.assertEqual(self.state(), before)
        self.assertFalse(self.m.exists(cores.SERVICE_NOW) or self.m.exists(cores.SLICE_NOW))
        self.assertIn("nothing was applied", self.call("restore"))

    def test_a_culvert_that_runs_is_not_locked_out(self):
        before = self.state()[4:7]
        self.m.put("sys/fs/cgroup/system.slice/culvert.service/cgroup.procs", "7")
        self.assertIn("Restart culvert", self.call("apply", "2,3"))
        self.assertEqual(self.state()[4:7], before)
        self.assertIn("Slice=culvert.slice", self.m.read(cores.SERVICE_NOW))

    def test_no_cpusets(self):
        for s in cores.SLICES:
            os.unlink(self.m.path("sys/fs/cgroup/%s/cpuset.cpus" % s))
        self.assertIn("no cpusets in the hierarchy", self.call("apply", "2,3"))

    def test_persistent(self):
        self.call("apply", "2-3", "--persistent")
        self.assertIn("[Slice]\nAllowedCPUs=0-1,4-7", self.m.read(cores.DROP_INS[0]))
        self.assertIn("[Scope]\nAllowedCPUs=0-1,4-7", self.m.read(cores.DROP_INS[2]))
        self.assertIn("Slice=culvert.slice", self.m.read(cores.SERVICE))
        self.assertIn(" apply 2-3\n", self.m.read(cores.UNIT))  # interrupts, governor and work queues do not outlive a boot by themselves
        self.assertTrue(self.m.exists(cores.WANTED))
        self.assertEqual(self.m.ran, [("systemctl", "daemon-reload")])  # one of the unit and the slices together
        self.call("apply", "2-3")  # what the unit runs leaves it all in place
        self.assertTrue(self.m.exists(cores.UNIT) and self.m.exists(cores.DROP_INS[0]))
        os.unlink(self.m.path(cores.BEFORE[1:]))  # a boot: the slices come up as the drop-ins say
        for s in cores.SLICES:
            self.m.put("sys/fs/cgroup/%s/cpuset.cpus" % s, "0-1,4-7")
        self.call("apply", "2-3")
        self.call("restore")
        self.assertEqual([t.strip() for t in self.state()[4:7]], ["", "", ""])
        for name in cores.DROP_INS + (cores.SERVICE, cores.SLICE, cores.UNIT, cores.WANTED):
            self.assertFalse(self.m.exists(name))

    def test_irqbalance_is_told_to_stay_away(self):
        restart = ("systemctl", "try-restart", "irqbalance.service")
        self.assertNotIn("irqbalance", self.call("apply", "2-3"))
        self.assertFalse(self.m.exists(cores.BALANCE_NOW))
        self.m.programs.add("irqbalance")
        self.assertIn("irqbalance: told to stay away from 2-3", self.call("apply", "2-3"))
        self.assertIn("[Service]\nEnvironment=IRQBALANCE_BANNED_CPULIST=2-3", self.m.read(cores.BALANCE_NOW))
        self.assertIn(restart, self.m.ran)
        self.m.put("etc/default/irqbalance", "#IRQBALANCE_BANNED_CPULIST=\nIRQBALANCE_BANNED_CPULIST=7")
        self.assertIn("counts more: add 2-3", self.call("apply", "2-3", "--persistent"))
        self.assertIn("IRQBALANCE_BANNED_CPULIST=2-3", self.m.read(cores.BALANCE_KEPT))
        self.assertFalse(self.m.exists(cores.BALANCE_NOW))
        self.m.ran.clear()
        self.call("restore")
        self.assertFalse(self.m.exists(cores.BALANCE_KEPT))
        self.assertIn(restart, self.m.ran)

    def test_a_dry_run_changes_nothing(self):
        before = self.state()
        text = self.call("apply", "2,3", "--persistent", "--dry-run")
        self.assertEqual((self.state(), self.m.names("/etc"), self.m.names("/run"), self.m.ran), (before, [], [], []))
        self.assertIn("would write '0-1,4-7' to /proc/irq/24/smp_affinity_list", text)

    def test_refusals(self):
        self.refused("it looks like 2-5", "apply", "two", status=2)
        self.refused("processor 8-9 is not online; there are 0-7", "apply", "7-9")
        self.refused("no processor is left for everything else", "apply", "0-7")

    def test_without_cgroups(self):
        os.unlink(self.m.path("sys/fs/cgroup/cgroup.controllers"))
        self.assertIn("isolcpus does it", self.call("apply", "3"))
        self.assertEqual(self.m.ran, [])
        self.assertIn("kept for the next boot", self.call("apply", "3", "--persistent"))
        self.assertEqual(self.m.ran, [("systemctl", "daemon-reload")])


class Advice(Case):
    def test_what_needs_a_boot(self):
        self.assertIn("isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3", self.call("advise", "2-3"))
        self.m.put("proc/cmdline", "quiet isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3")
        self.assertNotIn("command line", self.call("advise", "2-3"))
        self.assertIn("command line", self.call("advise", "2-4"))

    def test_two_workers_on_one_core(self):
        self.assertIn("processors 2 and 6 are one core", self.call("advise", "2,6"))

    def test_a_sibling_that_should_idle(self):
        self.assertIn("processor 2 shares its core with 6: leave that idle", self.call("advise", "2"))

    def test_the_node_of_a_card(self):
        self.m.device("0000:81:00.0", "8086:1572", "i40e", ["eth1"], numa=1)
        self.assertIn("processor 1 is on another NUMA node than 0000:81:00.0 (node 1): better are 2-3,6-7",
                      self.call("advise", "1,2", "--nic", "eth1"))
        self.assertNotIn("NUMA", self.call("advise", "2,3", "--nic", "eth1"))

    def test_status(self):
        self.m.put("proc/cmdline", "isolcpus=3 nohz_full=2-3")
        self.m.device("0000:81:00.0", "8086:1572", "i40e", ["eth1"], numa=1)
        rows = json.loads(self.call("status", "--nic", "81:00.0", "--json"))["cpus"]
        self.assertEqual([(r["isolated"], r["nohz_full"], r["rcu_nocbs"], r["near_nic"], r["interrupts"]) for r in rows[1:4]],
                         [(False, False, False, False, 1), (False, True, False, True, 1), (True, True, False, True, 2)])
        self.assertEqual(len(self.call("status").splitlines()), 9)


if __name__ == "__main__":
    unittest.main()
