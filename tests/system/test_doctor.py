#!/usr/bin/python3
"""culvert doctor on this machine: exit status, text and JSON agree, nothing is left behind."""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from case import case, check, check_equal, main  # noqa: E402
from culvert import BUILD  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "drivers-config", "lib"))
sys.dont_write_bytecode = True
import profiles  # noqa: E402

GOOD = "platform dataplane\n workers 1\n memory no-huge 64\n port Ethernet0/0 vdev net_null0\n"


def doctor(text, *args):
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "culvert.conf")
        if text is not None:
            with open(path, "w") as f:
                f.write(text)
        return subprocess.run([os.path.join(BUILD, "culvert"), "--run-dir", os.path.join(d, "run"), "doctor", "--config", path, *args],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)


def report(text):
    done = doctor(text, "--json")
    value = json.loads(done.stdout)
    check_equal(done.returncode, 0 if value["ready"] else 1, "exit status")
    check_equal(value["red"] == 0, value["ready"], "ready without a red line")
    for line in value["lines"]:
        check(line["colour"] == "green" or line["remedy"], "no remedy: %s" % line)
    return value


def reds(text):
    return [line["text"] for line in report(text)["lines"] if line["colour"] == "red"]


@case("a configuration that this machine can run")
def ready():
    value = report(GOOD)
    check(value["ready"], "not ready: %s" % value["lines"])
    engines = [line["text"] for line in value["lines"] if line["topic"] == "crypto engine"]
    check(any("known-answer tests passed" in t for t in engines), "no engine tested: %s" % engines)
    done = doctor(GOOD)
    check(done.stdout.splitlines()[-1].startswith("ready"), done.stdout)
    check_equal([n for n in os.listdir("/var/run/dpdk") if "doctor" in n] if os.path.isdir("/var/run/dpdk") else [], [], "left behind")


@case("what is missing is red, with the place")
def missing():
    check("cannot be read" in reds(None)[0], "a missing file")
    check(":2: workers wants" in reds("platform dataplane\n workers 0\n")[0], "a bad line")
    check("names none" in reds("platform dataplane\n workers 1\n")[0], "no port")
    found = reds(GOOD + " port Ethernet0/1 pci 0000:ff:1f.7\n port Ethernet0/2 vdev net_af_packet,iface=none0\n")
    check_equal(found, ["Ethernet0/1: no PCI device 0000:ff:1f.7", "Ethernet0/2: no interface none0"], "red lines")
    check("processor 1023 is not online" in reds(GOOD.replace("workers 1", "lcores 1023"))[0], "lcores")
    check(any("1048576 wanted" in t for t in reds(GOOD.replace("no-huge 64", "hugepages 1048576"))), "hugepages")


@case("what culvert-dp would end at is red, found without taking a device")
def dpdk_refuses():
    port = GOOD + " %s\n"
    with tempfile.TemporaryDirectory() as d:
        written = os.path.join(d, "out.pcap")
        with open(written, "w") as f:
            f.write("kept")
        for text, holds in (
                (port % "port Ethernet0/1 vdev net_nonsense0", "Ethernet0/1: this DPDK has no virtual device net_nonsense0"),
                (port % "eal-args --nonsense", "unrecognized option '--nonsense'"),
                (port % "eal-args --vdev=crypto_ccp", "eal-args: this DPDK has no virtual device crypto_ccp"),
                (port % ("port Ethernet0/1 vdev net_pcap0,rx_pcap=/nonexist,tx_pcap=%s" % written), "Ethernet0/1: its driver does not make net_pcap0"),
                (port % "port Ethernet0/1 vdev net_null1,nonsense=1", "Ethernet0/1: its driver does not make net_null1")):
            found = reds(text)
            check(len(found) == 1 and holds in found[0], f"{text!r}: {found}")
        with open(written) as f:
            check_equal(f.read(), "kept", "a file that a port would write")
    for line in ("eal-args --log-level=lib.eal:5", "eal-args --vdev=net_null7", "eal-args --iova-mode=pa", "port Ethernet0/1 vdev net_tap0", "port Ethernet0/1 vdev net_memif"):
        check_equal(reds(port % line), [], line)
    for folder in ("/var/run/dpdk", "/run/dpdk"):
        check_equal([n for n in (os.listdir(folder) if os.path.isdir(folder) else []) if "doctor" in n], [], "left behind")


@case("an engine that leaves everything to software is not green")
def software_after_all():
    for words, holds in (("inline", "no port does it"), ("cryptodev crypto_null", "does no transform")):
        found = [line for line in report(GOOD + " crypto-engine %s\n" % words)["lines"] if line["topic"] == "crypto engine" and holds in line["text"]]
        check_equal([line["colour"] for line in found], ["yellow"], words)
    found = [line for line in report(GOOD + " crypto-engine cryptodev crypto_aesni_mb\n")["lines"] if "crypto_aesni_mb" in line["text"]]
    check_equal([line["colour"] for line in found], ["green"], "a device that does them")


def pmd_ids():
    """PCI ids that the drivers of the installed DPDK name in their .so (as dpdk-pmdinfo reads them); crypto_ccp names none there."""
    folder = os.path.join(subprocess.run(["pkg-config", "--variable=libdir", "libdpdk"], stdout=subprocess.PIPE, text=True).stdout.strip(), "dpdk")
    ids = {"1022:1456", "1022:1468", "1022:15df"}
    for name in glob.glob(os.path.join(folder, "pmds-*", "*.so")):
        with open(name, "rb") as f:
            for text in re.findall(rb"PMD_INFO_STRING= (\{.*?\})\0", f.read()):
                ids |= {"%04x:%04x" % (i[0], i[1]) for i in json.loads(text).get("pci_ids", [])}
    return ids


@case("every device profile: its platform lines are a configuration, its ids are known to DPDK's drivers, what it says of inline is so")
def device_profiles():
    known = pmd_ids()
    families = profiles.load()
    check(len(families) >= 10 and len(known) > 300, "profiles and drivers")
    for family in families:
        check_equal([i for i in family.ids if i not in known], [], f"{family.name}: ids without a driver")
        check("not in this release" not in family.ini["ipsec"]["inline"], f"{family.name}: crypto-engine inline is in this release")
        lines = ""
        for section, rows in family.platforms():
            lines += "\n".join(rows) + "\n"
            with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
                f.write("platform dataplane\n" + "".join(" %s\n" % r.strip() for r in rows))
                f.flush()
                done = subprocess.run([os.path.join(BUILD, "culvert"), "check", f.name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, timeout=60)
            check_equal(done.returncode, 0, f"{family.name}: {section}: {done.stdout}")
        if "inline crypto" in family.ini["ipsec"]["inline"]:
            check("crypto-engine inline" in lines, f"{family.name}: the line that uses it")


@case("wrong usage")
def usage():
    done = doctor(GOOD, "--frobnicate")
    check_equal((done.returncode, done.stdout), (2, ""), "status and output")
    check("expected" in done.stderr and done.stderr.count("\n") == 1, done.stderr)


if __name__ == "__main__":
    main(needs_strongswan=False)
