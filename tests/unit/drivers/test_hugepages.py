#!/usr/bin/python3
"""drivers-config/hugepages over made-up machines: nodes, sizes, fragmentation, what is kept for the next boot."""
import json
import shutil
import tempfile
import unittest

from fake import FakeMachine

import hugepages
from machine import Trouble

NODE = "/sys/devices/system/node/node%d/hugepages/hugepages-%dkB/%s"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.m = FakeMachine(self.folder.name)
        self.m.put("proc/meminfo", "MemFree: 4194304 kB\nHugepagesize:    2048 kB")
        self.m.put("proc/mounts", "hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0")
        for node in (0, 1):
            self.m.put("sys/devices/system/node/node%d/meminfo" % node, "Node %d MemFree:  2097152 kB" % node)
            for kib in (2048, 1048576):
                for name in ("nr_hugepages", "free_hugepages"):
                    self.m.put(NODE % (node, kib, name), 0)

    def tearDown(self):
        if self.m.held:
            self.m.held.close()
        self.folder.cleanup()

    def call(self, *argv):
        self.status = hugepages.run([*argv], machine=self.m)
        return self.m.printed()

    def refused(self, holds, *argv, status=1):
        with self.assertRaises(Trouble) as e:
            self.call(*argv)
        for words in [holds] if isinstance(holds, str) else holds:
            self.assertIn(words, str(e.exception))
        self.assertNotIn("\n", str(e.exception))
        self.assertEqual(e.exception.status, status)

    def pages(self, kib=2048):
        return [self.m.number(NODE % (n, kib, "nr_hugepages")) for n in (0, 1)]

    def test_pages_are_spread_over_nodes(self):
        self.call("set", "257")
        self.assertEqual(self.pages(), [129, 128])

    def test_one_node_in_mib(self):
        self.call("set", "--mib", "513", "--node", "1")
        self.assertEqual(self.pages(), [0, 257])

    def test_pages_of_1_gib_are_mounted(self):
        self.call("set", "2", "--size", "1G")
        self.assertEqual(self.pages(1048576), [1, 1])
        self.assertIn(("mount", "-t", "hugetlbfs", "-o", "pagesize=1G", "hugetlbfs", "/dev/hugepages1G"), self.m.ran)

    def test_a_mount_that_fails_is_told_and_no_failure(self):
        self.m.failing.add("mount")
        self.m.put("proc/mounts", "")
        self.assertIn("culvert itself needs no mount", self.call("set", "2"))
        self.assertEqual((self.status, self.pages()), (0, [1, 1]))

    def test_a_mount_without_a_page_size_is_of_the_default_one(self):
        self.m.put("proc/mounts", "none /mnt/huge hugetlbfs rw 0 0")
        self.call("set", "2")
        self.assertEqual(self.m.ran, [])

    def test_wrong_usage(self):
        self.refused("a count of pages, or --mib", "set", status=2)
        self.refused("a count of pages, or --mib", "set", "4", "--mib", "8", status=2)
        self.refused("no NUMA node 7; there are: 0 1", "set", "4", "--node", "7", status=2)
        with self.assertRaises(SystemExit) as e:
            self.call("set", "4", "--size", "4M")
        self.assertEqual(e.exception.code, 2)

    def test_a_processor_without_1_gib_pages(self):
        for node in (0, 1):
            shutil.rmtree(self.m.path("sys/devices/system/node/node%d/hugepages/hugepages-1048576kB" % node))
        self.refused("pdpe1gb", "set", "1", "--size", "1G")

    def test_fragmented_memory(self):
        name = NODE % (0, 2048, "nr_hugepages")
        self.m.capped[name] = 100
        for file in ("proc/sys/vm/compact_memory", "proc/sys/vm/drop_caches"):
            self.m.put(file, 0)
        self.refused(("node 0: 100 of 512 pages", "fragmented", "hugepages=512", "GRUB_CMDLINE_LINUX"), "set", "512", "--node", "0")
        self.assertEqual(self.m.read("/proc/sys/vm/compact_memory"), "1")  # tried before giving up

    def test_memory_that_is_not_there(self):
        self.m.capped[NODE % (0, 2048, "nr_hugepages")] = 900
        self.refused("only 1024 would fit", "set", "2000", "--node", "0")

    def test_restore(self):
        self.m.put(NODE % (0, 2048, "nr_hugepages"), 7)
        self.call("set", "100")
        self.call("set", "200")
        self.call("persistent", "200")
        self.call("restore")
        self.assertEqual(self.pages(), [7, 0])
        self.assertEqual((self.m.exists(hugepages.KEPT), self.m.exists(hugepages.UNIT), self.m.exists(hugepages.WANTED)), (False,) * 3)
        self.assertIn("nothing was set", self.call("restore"))

    def test_the_next_boot(self):
        self.call("persistent", "300", "--node", "1")
        self.call("persistent", "2", "--size", "1G")
        self.assertIn(" apply", self.m.read(hugepages.UNIT))
        self.call("apply")
        self.assertEqual((self.status, self.pages(), self.pages(1048576)), (0, [0, 300], [1, 1]))
        self.call("persistent", "0", "--node", "1")
        self.call("persistent", "0", "--size", "1G")
        self.assertFalse(self.m.exists(hugepages.UNIT))

    def test_a_boot_that_gets_less_says_so(self):
        self.call("persistent", "300", "--node", "1")
        self.m.capped[NODE % (1, 2048, "nr_hugepages")] = 5
        self.call("apply")
        self.assertEqual(self.status, 1)

    def test_a_broken_file(self):
        for text in ("{", "{}", '[{"size": "3M", "count": 1, "node": null}]', '[{"size": "2M", "count": "x", "node": null}]', "[1]"):
            self.m.put(hugepages.KEPT, text)
            self.refused("not what hugepages wrote", "status")

    def test_a_dry_run_changes_nothing(self):
        text = self.call("set", "100", "--dry-run")
        self.assertIn("would write '50' to %s" % (NODE % (0, 2048, "nr_hugepages")), text)
        self.call("persistent", "100", "--dry-run")
        self.assertEqual((self.pages(), self.m.names("/etc"), self.m.names("/run")), ([0, 0], [], []))

    def test_status(self):
        self.call("set", "10")
        self.call("persistent", "10")
        value = json.loads(self.call("status", "--json"))
        self.assertEqual([(r["size"], r["node"], r["total"]) for r in value["pages"]], [("2M", 0, 5), ("2M", 1, 5), ("1G", 0, 0), ("1G", 1, 0)])
        self.assertEqual(value["mounts"], {"2M": "/dev/hugepages", "1G": None})
        self.assertEqual(value["at_boot"], [{"size": "2M", "node": None, "count": 10}])
        self.call("persistent", "11")
        rows = [line.split() for line in self.call("status").splitlines()]
        self.assertEqual([r[5] if r[5] != "at" else None for r in rows if r[0] == "2M"], ["6", "5"])  # the share, not the whole at each
        self.assertEqual(len(self.call("status").splitlines()), 5)


if __name__ == "__main__":
    unittest.main()
