#!/usr/bin/python3
"""drivers-config/bind over made-up machines: what it refuses, what --force lifts, what it remembers, what restore gives back."""
import json
import os
import subprocess
import tempfile
import unittest

from fake import ROOT, FakeMachine

import binding
import cores
import guard
import hugepages
import profiles
import record
from machine import Trouble

I40E, IXGBE, IAVF, MLX5, QAT_PF, QAT_VF, OTHER = ("8086:1572", "8086:10fb", "8086:154c", "15b3:1019", "8086:37c8", "8086:37c9", "dead:beef")
A, B, C = "0000:03:00.0", "0000:03:00.1", "0000:04:00.0"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.m = FakeMachine(self.folder.name)
        os.environ.pop("SSH_CONNECTION", None)

    def tearDown(self):
        if self.m.held:
            self.m.held.close()
        self.folder.cleanup()

    def bind(self, *argv):
        """One run of the command; returns what it printed. Runs as a process without parents, so with no login of its own."""
        self.status = binding.run([*argv], machine=self.m, pid=1)
        return self.m.printed()

    def refused(self, holds, *argv, status=1):
        """The command is refused with one line that holds these words, and no device has changed its driver."""
        before = {d: self.driver(d) for d in self.m.native}
        with self.assertRaises(Trouble) as e:
            self.bind(*argv)
        text = str(e.exception)
        for words in [holds] if isinstance(holds, str) else holds:
            self.assertIn(words, text)
        self.assertNotIn("\n", text)
        self.assertEqual(e.exception.status, status)
        self.assertEqual(before, {d: self.driver(d) for d in self.m.native})
        return text

    def driver(self, address):
        return self.m.link_name("/sys/bus/pci/devices/%s/driver" % address)

    def nic(self, address=A, ids=I40E, interface="eth1", **more):
        self.m.device(address, ids, "i40e", [interface] if interface else [], **more)


class Refusals(Case):
    def test_the_default_route(self):
        self.nic()
        self.m.default_route("eth1")
        self.refused(("eth1 carries the default route", "--force"), "bind", "eth1")
        self.refused("carries the default route", "bind", A)
        self.refused("carries the default route", "unbind", A)
        self.bind("bind", A, "--force")
        self.assertEqual(self.driver(A), "uio_pci_generic")

    def test_the_default_route_of_ipv6_and_of_other_tables(self):
        self.nic()
        self.m.put("proc/net/ipv6_route", "%s 00 %s 00 %s 00000400 00000001 00000000 00000003     eth1" % ("0" * 32, "0" * 32, "f" * 32))
        self.refused("default route", "bind", A)
        self.m.put("proc/net/ipv6_route", "%s 00 %s 00 %s 00000400 00000001 00000000 00200200     eth1" % ("0" * 32, "0" * 32, "f" * 32))
        self.m.ip_says("-4 route show table all default", [{"dst": "default", "table": "7", "nexthops": [{"dev": "eth1"}]}])
        self.refused("default route", "bind", A)

    def test_an_unreachable_default_route_protects_nothing(self):
        self.nic()
        self.m.put("proc/net/ipv6_route", "%s 00 %s 00 %s ffffffff 00000001 00000000 00200200     eth1" % ("0" * 32, "0" * 32, "0" * 32))
        self.bind("bind", A)

    def test_cards_below_a_bond_with_a_vlan(self):
        self.nic()
        self.nic(B, interface="eth2")
        self.m.over("bond0", "eth1")
        self.m.over("bond0.7", "bond0")
        self.m.default_route("bond0.7")
        self.refused("(through bond0.7)", "bind", A)
        self.bind("bind", B)

    def login(self, text="198.51.100.9 50000 192.0.2.1 2222"):
        self.m.put("proc/77/stat", "77 (sudo) S 76 77")
        self.m.put("proc/76/stat", "76 (bash (x)) S 1 76")
        self.m.put("proc/76/environ", "HOME=/\0SSH_CONNECTION=%s\0LANG=C" % text)
        self.m.ip_says("addr show", [{"ifname": "eth1", "addr_info": [{"local": "192.0.2.1"}]}])

    def test_the_login_behind_sudo(self):
        self.nic()
        self.login()
        with self.assertRaises(Trouble) as e:
            binding.run(["bind", A], machine=self.m, pid=77)
        self.assertIn("carries the login from 198.51.100.9", str(e.exception))
        binding.run(["bind", A, "--force"], machine=self.m, pid=77)

    def test_the_way_back_to_the_login(self):
        self.nic(interface="eth5")
        self.login()
        self.m.ip_says("route get 198.51.100.9", [{"dst": "198.51.100.9", "dev": "eth5"}])
        self.assertEqual(guard.protected(self.m, 77), {"eth1": "carries the login from 198.51.100.9",
                                                       "eth5": "carries the login from 198.51.100.9"})

    def test_an_ssh_session_of_somebody_else(self):
        self.nic()
        self.m.ip_says("addr show", [{"ifname": "eth1", "addr_info": [{"local": "192.0.2.1"}]}])
        row = "   0: %s 0A6433C6:C350 01 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
        self.m.put("proc/net/tcp", "head\n" + row % "010200C0:0016")
        self.assertIn("carries the login", self.refused("eth1", "bind", A))
        self.m.put("proc/net/tcp", "head\n" + row % "010200C0:0050")  # a web server's connection
        self.bind("bind", A)

    def test_an_ssh_session_over_ipv6_with_a_mapped_address(self):
        self.nic()
        self.m.ip_says("addr show", [{"ifname": "eth1", "addr_info": [{"local": "192.0.2.1"}]}])
        mapped = "0000000000000000FFFF0000%s"
        self.m.put("proc/net/tcp6", "head\n 0: %s:0016 %s:C350 01 0 0 0\n" % (mapped % "010200C0", mapped % "0A6433C6"))
        self.refused("carries the login from 198.51.100.10", "bind", A)

    def test_nothing_is_done_when_one_of_several_is_refused(self):
        self.nic()
        self.nic(B, interface="eth2")
        self.m.default_route("eth2")
        self.refused("eth2", "bind", A, B)

    def test_virtual_functions_that_would_go_away(self):
        self.nic(vfs=4)
        self.refused(("4 virtual functions", "sriov_numvfs"), "bind", A)
        self.bind("bind", A, "--force")

    def test_families_that_are_not_bound(self):
        self.m.device(A, MLX5, "mlx5_core", ["eth1"])
        self.refused("works beside its kernel driver", "bind", A, "--force")
        self.m.device(C, QAT_PF, "c6xx", [], pci_class=0x0B4000)
        self.refused(("only virtual functions", "sriov_numvfs"), "bind", C)

    def test_a_crypto_device_of_no_family(self):
        self.m.device(C, OTHER, None, [], pci_class=0x108000)
        self.refused("in no profile", "bind", C)

    def test_devices_that_are_not_there(self):
        self.nic()
        self.refused("no such PCI device", "bind", "0000:09:00.0")
        self.refused("neither a PCI address", "bind", "eth9")
        self.refused("neither a PCI address", "bind", "../../etc")
        self.m.over("br0", "eth1")
        self.refused("not on a PCI device", "bind", "br0")


class Drivers(Case):
    def test_the_choice(self):
        self.nic()
        self.nic(B, interface="eth2", group=7)
        self.m.device(C, IAVF, "iavf", ["eth3"], vf=True, irq=0)
        self.bind("bind", A, B, C)
        self.assertEqual([self.driver(x) for x in (A, B, C)], ["uio_pci_generic", "vfio-pci", "vfio-pci"])
        self.assertEqual(self.m.read("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"), "1")
        self.assertTrue(record.load(self.m, C)["no_iommu"])
        self.assertFalse(record.load(self.m, B)["no_iommu"])

    def test_vfio_wants_an_iommu(self):
        self.nic()
        self.refused(("needs an IOMMU", "intel_iommu=on"), "bind", A, "--driver", "vfio-pci")

    def test_no_iommu_is_refused_where_there_is_one(self):
        self.nic(group=7)
        self.refused("vfio-pci is safer", "bind", A, "--driver", "vfio-noiommu")

    def test_a_kernel_without_no_iommu_mode(self):
        self.nic()
        self.m.no_iommu_kernel = False
        self.refused("CONFIG_VFIO_NOIOMMU", "bind", A, "--driver", "vfio-noiommu")

    def test_uio_has_nothing_for_virtual_functions(self):
        self.m.device(C, IAVF, "iavf", ["eth3"], vf=True)
        self.refused("virtual function", "bind", C, "--driver", "uio_pci_generic")

    def test_the_group_goes_together(self):
        self.nic(group=7)
        self.nic(B, interface="eth2", group=7)
        self.m.device("0000:00:01.0", "8086:1901", "pcieport", [], pci_class=0x060400, group=None)
        self.refused(("group 7 also holds %s" % B, "i40e"), "bind", A)
        self.bind("bind", A, B)
        self.assertEqual([self.driver(x) for x in (A, B)], ["vfio-pci", "vfio-pci"])

    def test_a_module_that_is_not_there(self):
        self.nic()
        self.m.no_modules.add("uio_pci_generic")
        self.refused(("uio_pci_generic cannot be loaded", "modprobe"), "bind", A)

    def test_a_driver_that_does_not_take_the_device_gives_it_back(self):
        self.nic()
        self.m.refusing.add("uio_pci_generic")
        self.refused(("did not take the device", "it is i40e again", "dmesg"), "bind", A)
        self.assertIsNone(record.load(self.m, A))
        self.assertEqual(self.m.read("/sys/bus/pci/devices/%s/driver_override" % A), "")

    def test_binding_twice_changes_nothing(self):
        self.nic()
        self.bind("bind", A)
        self.bind("bind", A)
        self.assertEqual(record.load(self.m, A)["previous"], "i40e")

    def test_another_driver_keeps_the_first_memory(self):
        self.nic()
        self.bind("bind", A)
        self.bind("bind", A, "--driver", "vfio-noiommu")
        self.assertEqual(self.driver(A), "vfio-pci")
        held = record.load(self.m, A)
        self.assertEqual((held["previous"], held["interfaces"][0]["name"]), ("i40e", "eth1"))
        self.bind("restore", A)
        self.assertEqual(self.driver(A), "i40e")


class Memory(Case):
    def setUp(self):
        super().setUp()
        self.nic()
        self.m.ip_says("addr show dev eth1", [{"ifname": "eth1", "addr_info": [
            {"family": "inet", "local": "10.0.0.1", "prefixlen": 24, "scope": "global"},
            {"family": "inet6", "local": "2001:db8::1", "prefixlen": 64, "scope": "global"},
            {"family": "inet6", "local": "2001:db8::aaaa", "prefixlen": 64, "scope": "global", "temporary": True},
            {"family": "inet6", "local": "fe80::1", "prefixlen": 64, "scope": "link"}]}])
        self.m.ip_says("-4 route show dev eth1", [
            {"dst": "10.0.0.0/24", "protocol": "kernel"},
            {"dst": "10.9.0.0/16", "gateway": "10.0.0.254", "protocol": "static", "metric": 50}])
        self.m.ip_says("-6 route show dev eth1", [{"dst": "2001:db8:9::/48", "gateway": "2001:db8::fe", "protocol": "static"}])

    def test_addresses_and_routes_come_back(self):
        self.bind("bind", A)
        self.assertEqual(self.m.names("/sys/class/net"), [])
        self.m.ran.clear()
        text = self.bind("restore", A)
        self.assertEqual(text, "%s: is back with i40e\n" % A)
        self.assertEqual(self.driver(A), "i40e")
        ip = [" ".join(r) for r in self.m.ran if r[0] == "ip"]
        self.assertEqual(ip, ["ip link set eth1 mtu 1500", "ip link set eth1 up", "ip addr replace 10.0.0.1/24 dev eth1",
                              "ip addr replace 2001:db8::1/64 dev eth1",
                              "ip -4 route replace 10.9.0.0/16 via 10.0.0.254 metric 50 dev eth1",
                              "ip -6 route replace 2001:db8:9::/48 via 2001:db8::fe dev eth1"])
        self.assertIsNone(record.load(self.m, A))

    def test_a_refusal_by_the_driver_leaves_the_addresses(self):
        self.m.refusing.add("uio_pci_generic")
        with self.assertRaises(Trouble) as e:
            self.bind("bind", A)
        self.assertIn("it is i40e again", str(e.exception))
        ip = [" ".join(r) for r in self.m.ran if r[0] == "ip"]
        self.assertEqual(ip[0], "ip link set eth1 down")
        for words in ("ip link set eth1 up", "ip addr replace 10.0.0.1/24 dev eth1",
                      "ip -4 route replace 10.9.0.0/16 via 10.0.0.254 metric 50 dev eth1"):
            self.assertIn(words, ip)
        self.assertIsNone(record.load(self.m, A))
        self.assertEqual(self.m.names("/etc"), [])

    def test_what_does_not_come_back_is_told(self):
        self.bind("bind", A)
        self.m.failing.add("ip")
        text = self.bind("restore", A)
        self.assertIn("not restored: 10.0.0.1/24, 2001:db8::1/64, route to 10.9.0.0/16", text)
        self.assertEqual(text.count("\n"), 1)

    def test_an_interface_with_another_name_gets_its_old_one(self):
        self.bind("bind", A)
        self.m.native[A] = ("i40e", ["enp3s0"], {})
        self.m.ran.clear()
        self.bind("restore", A)
        self.assertIn(("ip", "link", "set", "enp3s0", "name", "eth1"), self.m.ran)

    def test_a_bond_s_member_goes_back_into_it(self):
        os.makedirs(self.m.path("sys/class/net/bond0"))
        os.symlink("../bond0", self.m.path("sys/class/net/eth1/master"))
        self.bind("bind", A)
        self.m.ran.clear()
        self.bind("restore", A)
        self.assertIn(("ip", "link", "set", "eth1", "master", "bond0"), self.m.ran)

    def test_files_for_the_next_boot_come_and_go(self):
        self.bind("bind", A)
        rules = self.m.read(record.RULES)
        self.assertIn('KERNEL=="%s", ATTR{vendor}=="0x8086", ATTR{device}=="0x1572", ATTR{driver_override}="uio_pci_generic"' % A, rules)
        self.assertIn("uio_pci_generic", self.m.read(record.MODULES))
        self.assertIn(" apply", self.m.read(record.UNIT))
        self.assertTrue(self.m.exists(record.WANTED))
        self.assertFalse(self.m.exists(record.OPTIONS))
        self.bind("restore", "--all")
        for name in (record.RULES, record.MODULES, record.UNIT, record.WANTED, "/etc/culvert/drivers.d/%s.json" % A):
            self.assertFalse(self.m.exists(name), name)

    def test_no_iommu_mode_is_kept_for_the_next_boot(self):
        self.bind("bind", A, "--driver", "vfio-noiommu")
        self.assertIn("enable_unsafe_noiommu_mode=1", self.m.read(record.OPTIONS))
        self.assertIn("vfio-pci", self.m.read(record.MODULES))
        self.bind("restore", A)
        self.assertFalse(self.m.exists(record.OPTIONS))

    def test_what_the_kernel_keeps_from_vfio_is_asked_for(self):
        """Linux 5.9: vfio-pci refuses QuickAssist functions unless it is loaded with disable_denylist=1."""
        self.m.programs.add("driverctl")
        self.m.device(C, QAT_VF, "c6xxvf", [], pci_class=0x0B4000, group=9, vf=True)
        self.m.denied.add(C)
        self.bind("bind", C)
        self.assertEqual(self.driver(C), "vfio-pci")
        self.assertIn(("modprobe", "vfio-pci", "disable_denylist=1"), self.m.ran)
        self.assertIn("options vfio-pci disable_denylist=1", self.m.read(record.OPTIONS))
        self.assertIn(" apply", self.m.read(record.UNIT))  # driverctl would not set the option
        self.bind("restore", C)
        self.assertFalse(self.m.exists(record.OPTIONS))

    def test_vfio_that_was_loaded_before_is_loaded_anew_when_nothing_has_it(self):
        self.m.device(C, QAT_VF, "c6xxvf", [], pci_class=0x0B4000, group=9, vf=True)
        self.m.denied.add(C)
        self.m.run("modprobe", "vfio-pci")
        self.nic(B, interface="eth2", group=7)
        self.bind("bind", B)
        self.refused(("disable_denylist=1", "has %s" % B), "bind", C)
        self.bind("restore", B)
        self.bind("bind", C)
        self.assertEqual(self.driver(C), "vfio-pci")
        self.assertIn(("modprobe", "-r", "vfio-pci"), self.m.ran)

    def test_until_reboot_writes_nothing_under_etc(self):
        self.bind("bind", A, "--until-reboot")
        self.assertEqual(self.m.names("/etc"), [])
        self.assertEqual(self.driver(A), "uio_pci_generic")
        self.bind("restore", A)
        self.assertEqual(self.driver(A), "i40e")

    def test_what_the_other_tools_remember_is_not_ours(self):
        self.bind("bind", A, "--until-reboot")
        for name in (cores.BEFORE, hugepages.BEFORE):
            self.m.put(name, "[]")
        self.bind("restore", "--all")
        self.assertEqual(self.driver(A), "i40e")

    def test_driverctl_keeps_it_where_it_is_installed(self):
        self.m.programs.add("driverctl")
        self.bind("bind", A)
        self.assertIn(("driverctl", "--noprobe", "set-override", A, "uio_pci_generic"), self.m.ran)
        self.assertFalse(self.m.exists(record.UNIT))
        self.bind("restore", A)
        self.assertIn(("driverctl", "--noprobe", "unset-override", A), self.m.ran)

    def test_driverctls_override_goes_when_something_else_keeps_the_binding(self):
        self.m.programs.add("driverctl")
        unset = ("driverctl", "--noprobe", "unset-override", A)
        self.bind("bind", A)
        self.assertNotIn(unset, self.m.ran)
        self.bind("bind", A, "--until-reboot")
        self.assertIn(unset, self.m.ran)  # or it would be bound again at every boot
        self.m.ran.clear()
        self.bind("bind", A)
        self.bind("unbind", A)
        self.assertIn(unset, self.m.ran)

    def test_what_is_interrupted_can_be_restored(self):
        run = self.m.run

        def interrupted(*argv):
            done = run(*argv)
            if argv[:3] == ("ip", "link", "set") and argv[-1] == "down":
                raise KeyboardInterrupt
            return done
        self.m.run = interrupted
        with self.assertRaises(KeyboardInterrupt):
            self.bind("bind", A)
        self.m.run = run
        self.assertIsNotNone(record.load(self.m, A))
        self.m.ran.clear()
        self.bind("restore", A)
        self.assertIn(("ip", "link", "set", "eth1", "up"), self.m.ran)
        self.assertIsNone(record.load(self.m, A))

    def test_driverctl_that_fails_is_replaced_by_our_own_unit(self):
        self.m.programs.add("driverctl")
        self.m.failing.add("driverctl")
        self.bind("bind", A)
        self.assertTrue(self.m.exists(record.UNIT))

    def test_unbind_and_restore(self):
        self.bind("unbind", "eth1")
        self.assertIsNone(self.driver(A))
        self.bind("restore", A)
        self.assertEqual(self.driver(A), "i40e")

    def test_a_dry_run_changes_nothing(self):
        text = self.bind("bind", A, "--dry-run")
        self.assertEqual(self.driver(A), "i40e")
        self.assertEqual((self.m.ran, self.m.names("/etc"), self.m.names("/run")), ([], [], []))
        for words in ("would run modprobe uio_pci_generic", "would write 'uio_pci_generic' to", "would write %s" % record.RULES,
                      "would be bound to uio_pci_generic"):
            self.assertIn(words, text)
        self.bind("bind", A)
        self.m.ran.clear()
        text = self.bind("restore", A, "--dry-run")
        self.assertEqual(self.driver(A), "uio_pci_generic")
        self.assertEqual(self.m.ran, [])
        self.assertIn("would remove %s" % record.UNIT, text)
        self.assertIn("would run ip addr replace 10.0.0.1/24 dev eth1", text)

    def test_restore_of_what_was_never_bound(self):
        self.refused("remembers nothing", "restore", A)
        self.refused("wants devices, or --all", "restore", status=2)
        self.refused("wants devices, or --all", "restore", A, "--all", status=2)
        self.assertEqual(self.bind("restore", "--all"), "nothing is bound\n")

    def test_restore_of_another_card_in_the_same_slot(self):
        self.bind("bind", A)
        self.m.put("sys/bus/pci/devices/%s/device" % A, "0x10fb")
        self.refused("was 8086:1572 when it was bound and is 8086:10fb now", "restore", A)

    def test_restore_of_a_card_that_is_gone(self):
        self.bind("bind", A)
        os.rename(self.m.path("sys/bus/pci/devices/%s" % A), self.m.path("gone"))
        self.m.native.clear()
        self.assertIn("is no more in this machine; forgotten", self.bind("restore", "--all"))
        self.assertFalse(self.m.exists(record.UNIT))

    def test_a_previous_driver_that_does_not_come_back(self):
        self.bind("bind", A)
        self.m.refusing.add("i40e")
        with self.assertRaises(Trouble) as e:
            self.bind("restore", A)
        self.assertIn("modprobe i40e", str(e.exception))
        self.assertIsNotNone(record.load(self.m, A))

    def test_a_broken_record(self):
        self.bind("bind", A)
        for text in ("", "{", "[]", "{}", '{"address": "%s"}' % A, '{"address": "%s", "interfaces": 1, "previous": 1, "bound": 1}' % A):
            self.m.put("etc/culvert/drivers.d/%s.json" % A, text)
            self.refused("not a record of bind's", "restore", A)


class Boot(Case):
    def reboot(self):
        for address in self.m.native:
            self.m._detach(address)
            self.m.put("sys/bus/pci/devices/%s/driver_override" % address, "(null)")
            self.m._probe(address)

    def test_apply_binds_again(self):
        self.nic()
        self.bind("bind", A)
        self.reboot()
        self.assertEqual(self.driver(A), "i40e")
        self.bind("apply")
        self.assertEqual((self.status, self.driver(A)), (0, "uio_pci_generic"))
        self.bind("apply")
        self.assertEqual(self.driver(A), "uio_pci_generic")

    def test_apply_leaves_another_card_alone(self):
        self.nic()
        self.bind("bind", A)
        self.reboot()
        self.m.put("sys/bus/pci/devices/%s/device" % A, "0x10fb")
        self.bind("apply")
        self.assertEqual((self.status, self.driver(A)), (1, "i40e"))

    def test_apply_does_not_take_the_default_route_away(self):
        self.nic()
        self.nic(B, interface="eth2")
        self.bind("bind", A, B)
        self.reboot()
        self.m.default_route("eth1")
        self.bind("apply")
        self.assertEqual((self.status, self.driver(A), self.driver(B)), (1, "i40e", "uio_pci_generic"))


class Status(Case):
    def test_the_table_and_its_json(self):
        self.nic(numa=1, group=7)
        self.nic(B, ids=IXGBE, interface="eth2")
        self.m.device(C, OTHER, "mystery", ["eth9"], numa=-1)
        self.m.device("0000:00:02.0", "8086:1234", "i915", [], pci_class=0x030000)
        self.m.default_route("eth2")
        self.bind("bind", A)
        rows = json.loads(self.bind("status", "--json"))["devices"]
        self.assertEqual([(r["address"], r["family"], r["driver"], r["bound"], r["protected"], r["previous"]) for r in rows],
                         [(A, "i40e", "vfio-pci", True, False, "i40e"), (B, "ixgbe", "i40e", False, True, None),
                          (C, None, "mystery", False, False, None)])
        text = self.bind("status")
        self.assertIn("restore gives it back to i40e", text)
        self.assertIn("eth2 carries the default route", text)

    def test_a_machine_with_nothing(self):
        self.assertEqual(self.bind("status"), "no network or crypto device on the PCI bus\n")

    def test_as_a_process_over_a_tree(self):
        """The script itself with --sysfs: a refusal is one line and exit 1, wrong usage 2."""
        self.nic()
        self.m.default_route("eth1")
        script = os.path.join(ROOT, "drivers-config", "bind")

        def call(*argv):
            return subprocess.run([script, "--sysfs", self.folder.name, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        done = call("bind", A)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "bind: %s: eth1 carries the default route; take another port, or say --force\n" % A)
        done = call("bind", A, "--force", "--dry-run")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("would be bound to uio_pci_generic", done.stdout)
        self.assertEqual(call("bind").returncode, 2)
        self.assertEqual(call("bind", A, "--driver", "igb_uio").returncode, 2)
        self.assertEqual(json.loads(call("status", "--json").stdout)["devices"][0]["family"], "i40e")


class Profiles(unittest.TestCase):
    def test_every_family_is_there_and_whole(self):
        families = profiles.load()  # raises on a missing line
        self.assertEqual(sorted(f.name for f in families),
                         ["ccp", "e1000", "ena", "i40e", "ice", "ixgbe", "mlx5", "qat", "virtio", "vmxnet3"])
        for f in families:
            self.assertEqual(os.path.basename(f.path), f.name + ".ini")
            self.assertTrue(f.ids, f.name)
            self.assertIn("https://", f.ini["sources"]["documented"])

    def test_no_id_belongs_to_two(self):
        seen = {}
        for f in profiles.load():
            for i in f.ids + f.pf_ids:
                self.assertNotIn(i, seen, "%s: also in %s" % (f.name, seen.get(i)))
                seen[i] = f.name

    def test_a_broken_profile_names_its_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.ini")
            for text, holds in (("no section", "x.ini"), ("[family]\nname = x\n", "wants a line title")):
                with open(path, "w") as f:
                    f.write(text)
                with self.assertRaises(Trouble) as e:
                    profiles.load(folder)
                self.assertIn(holds, str(e.exception))


if __name__ == "__main__":
    unittest.main()
