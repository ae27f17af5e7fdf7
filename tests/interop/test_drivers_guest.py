#!/usr/bin/python3
"""drivers-config in a Linux guest with real drivers: cards are bound, culvert carries a tunnel over them, and they go back."""
import drivers_site
import guest
from case import Skip, add_case, check, check_equal, main
from net import wait_for


def pings(site, count=3):
    return site.left.run("ping", "-c", count, "-i", "0.2", "-W", "10", "-w", "40", site.right_address, check=False,
                         timeout=60).returncode == 0


def as_the_kernels(site):
    """Addresses and a route on the card that culvert will get; it answers."""
    outside = site.interfaces()["e1000"]
    site.guest.address(outside, "192.0.2.1/24")
    site.guest.route("198.51.100.0/24", "192.0.2.2")
    check(site.guest.run("ping", "-c", "2", "-W", "10", "192.0.2.2", check=False).returncode == 0, "the kernel's e1000 does not ping")
    return outside


def refuses_the_default_route(site, outside, address):
    site.guest.route("default", "192.0.2.2")
    done = site.tool("bind", "bind", outside, check=False)
    check(done.returncode == 1 and "carries the default route" in done.stderr, "bound what carries the default route: %s" % done.stderr)
    site.tool("bind", "bind", address, "--force", "--dry-run")
    check_equal(site.devices()["e1000"]["driver"], "e1000", "driver after a refusal and a dry run")
    site.guest.run("ip", "route", "del", "default")


def a_reboot_later(site, driver):
    """What a boot does to the card: the kernel's driver has it first; then the unit runs."""
    d = site.devices()["e1000"]
    at = "/sys/bus/pci/devices/%s" % d["address"]
    site.guest.run("sh", "-c", "echo > %s/driver_override; echo %s > %s/driver/unbind; echo %s > /sys/bus/pci/drivers_probe"
                   % (at, d["address"], at, d["address"]))
    check_equal(site.devices()["e1000"]["driver"], "e1000", "driver at the start of a boot")
    unit = site.guest.run("cat", "/etc/systemd/system/culvert-drivers.service").stdout
    command = [line.split("=", 1)[1] for line in unit.splitlines() if line.startswith("ExecStart=")][0]
    site.guest.run(*command.split(), timeout=150)
    check_equal(site.devices()["e1000"]["driver"], driver, "driver after the unit has run")


def after_a_crash(site):
    """The data plane is killed; the next one finds the cards as that one left them."""
    old = site.guest.run("pidof", "culvert-dp").stdout.split()
    site.guest.run("kill", "-9", *old)
    wait_for("another culvert-dp", lambda: site.guest.run("pidof", "culvert-dp", check=False).stdout.split() not in ([], old), 40, 0.5)
    wait_for("the tunnel to carry a ping again", lambda: pings(site, 1), 90, 0.5)


def doctor_says(site, status, *texts):
    found, reds = site.doctor()
    check_equal(found, status, "exit status of doctor, which said %s" % reds)
    for t in texts:
        check(any(t in r for r in reds), "doctor did not say '%s' but %s" % (t, reds))


def tunnel(site):
    site.start_tunnel()
    site.culvert.up(timeout=40)
    check(pings(site), "no ping through the tunnel")
    flow = site.culvert.flow()
    check(flow["outbound"]["packets"] >= 3 and flow["inbound"]["packets"] >= 3, "the SAs counted %s" % flow)
    ports = {p["name"]: p for p in site.culvert.json("show", "platform", "dataplane")["ports"]}
    check_equal([ports[n]["driver"] for n in ("Ethernet0/0", "Ethernet0/1")], ["net_e1000_em", "net_virtio"], "drivers of the ports")
    for p in ports.values():
        check(p["rx_packets"] > 0 and p["tx_packets"] > 0 and p["link"] in (True, "up"), "port %s" % p)
    after_a_crash(site)
    check_equal(site.culvert.stop(), 0, "culvertd's exit status")


def goes_back(site, outside):
    site.tool("bind", "restore", "--all")
    devices = site.devices()
    check_equal([devices[f]["driver"] for f in ("e1000", "virtio")], ["e1000", "virtio-pci"], "drivers after restore")
    check_equal(site.interfaces()["e1000"], outside, "the interface's name")
    check("198.51.100.0/24 via 192.0.2.2" in site.guest.run("ip", "route").stdout, "the route did not come back")
    wait_for("the e1000 to ping again",
             lambda: site.guest.run("ping", "-c", "1", "-W", "5", "192.0.2.2", check=False).returncode == 0, 40, 0.5)
    left = site.guest.run("sh", "-c", "ls /etc/culvert/drivers.d /etc/udev/rules.d/60-culvert* /etc/modules-load.d/culvert* "
                          "/etc/systemd/system/culvert-drivers.service 2>/dev/null", check=False).stdout
    check_equal([w for w in left.split() if "/" in w and not w.endswith(":")], [], "files left under /etc")


def with_driver(driver, iommu):
    reason = guest.available()
    if reason:
        raise Skip(reason)
    site = drivers_site.DriversSite("drivers", iommu)
    outside = as_the_kernels(site)
    devices = site.devices()
    refuses_the_default_route(site, outside, devices["e1000"]["address"])
    doctor_says(site, 1, "is held by e1000", "is held by virtio-pci", "hugepages: 0 MiB free")
    site.tool("hugepages", "set", "--mib", drivers_site.HUGEPAGES_MIB)
    site.tool("bind", "bind", *(d["address"] for d in devices.values()))
    check_equal({d["driver"] for d in site.devices().values()}, {driver}, "drivers")
    a_reboot_later(site, driver)
    doctor_says(site, 0)
    tunnel(site)
    goes_back(site, outside)
    return "guest up in %.0f s under %s" % (site.guest.boot_s, site.guest.accel)


for _driver, _iommu in (("uio_pci_generic", False), ("vfio-pci", True)):
    add_case("e1000 and virtio bound to %s, a tunnel to strongSwan, and back" % _driver,
             lambda d=_driver, i=_iommu: with_driver(d, i))

if __name__ == "__main__":
    main()
