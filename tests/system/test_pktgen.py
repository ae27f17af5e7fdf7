#!/usr/bin/python3
"""pktgen-scripts: the scenarios' logic against a model of generator and device, their packets against scapy and tshark, and a run with
DPDK's own generator. With PKTGEN=PROGRAM every scenario runs under Pktgen-DPDK, and its counters must agree with culvert's."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
SCRIPTS = os.path.join(ROOT, "pktgen-scripts")
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
sys.path.insert(0, SCRIPTS)
from case import Skip, add_case, case, check, check_equal, main  # noqa: E402
from packets import clear_pcap, esp_pcap, imix_sizes  # noqa: E402
from plot import plot  # noqa: E402

PARAMS = """return {tx="0", rx="1", tx_dst_mac="02:00:00:00:00:01", rx_dst_mac="02:00:00:00:00:02", src="10.1.0.2", dst="10.2.0.9",
sizes={64,512}, seconds=10, confirm=60, loss=%s, max_rate=100, resolution=0.5, rate=3, shares={0.1,0.5}, tunnel_counts={1,100},
result=%s, progress=%s}"""


def scenario(name, capacity, loss=0.0):
    with tempfile.TemporaryDirectory() as work:
        paths = [os.path.join(work, n) for n in ("params.lua", "result.json", "progress")]
        with open(paths[0], "w") as f:
            f.write(PARAMS % (loss, json.dumps(paths[1]), json.dumps(paths[2])))
        env = dict(os.environ, CULVERT_PARAMS=paths[0], CULVERT_SCRIPTS=SCRIPTS)
        done = subprocess.run(["lua5.4", os.path.join(HERE, "pktgen_stub.lua"), name, str(capacity)], env=env, capture_output=True,
                              text=True, timeout=60)
        check_equal(done.returncode, 0, "%s: %s" % (name, done.stderr))
        with open(paths[1]) as f:
            return json.load(f)


@case("throughput: the search ends within its resolution under what the device can do, and never above")
def throughput():
    line = 100e6
    for capacity in (3e6, 37.2e6, 99.9e6, 200e6, 0.6e6):
        for r in scenario("throughput", capacity)["results"]:
            pps, step = r["best"]["pps"], 0.005 * line
            check(pps <= min(capacity, line) and pps > min(capacity, line) - step, "%g of a device that does %g" % (pps, capacity))
            check_equal(r["best"]["seconds"], 60, "seconds of the last trial (RFC 2544 24)")
            check_equal(r["best"]["lost"], 0, "lost in it")
    check_equal([r["size"] for r in scenario("throughput", 3e6)["results"]], [64, 512], "sizes")


@case("throughput: none without loss is told as none; with a tolerance it is the tolerance that counts")
def tolerance():
    for r in scenario("throughput", 0.1e6)["results"]:
        check_equal(r["best"], False, "a device that does less than the resolution")
    for r in scenario("throughput", 50e6, loss=0.1)["results"]:
        check(50e6 / 0.9 - 0.5e6 - 0.1e6 < r["best"]["sent"] / 60 <= 50e6 / 0.9, "sent %g a second" % (r["best"]["sent"] / 60))


@case("the other scenarios: every call is one that Pktgen has, every result has what `run` reads")
def others():
    check_equal([r["tunnels"] for r in scenario("tunnels", 9e6)["results"]], [1, 100], "numbers of tunnels")
    check_equal(scenario("imix", 9e6)["results"][0]["size"], "imix", "size")
    for name in ("clear", "esp"):
        best = scenario(name, 9e6)["results"][0]["best"]
        check_equal((best["sent"], best["received"]), (30000000, 30000000), name + ": 3 % of the line for 10 s")
        best = scenario(name, 1e6)["results"][0]["best"]
        check_equal((best["sent"], best["received"], best["lost"]), (30000000, 10000000, 20000000), name + ": more than the device does")
    rows = scenario("latency", 9e6)["results"]
    check_equal([(r["size"], r["share"], r["avg_us"]) for r in rows], [(64, 0.1, 2.5), (64, 0.5, 2.5), (512, 0.1, 2.5), (512, 0.5, 2.5)], "rows")
    for name in ("throughput", "tunnels", "latency"):
        svg = plot(dict(scenario(name, 9e6), transform="esp-gcm-128"))
        check(svg.startswith("<svg") and svg.count("<rect") >= 3, name + " as a picture")


@case("packets: sizes and checksums as tshark sees them; ESP that scapy made and culvert's transform names")
def packets():
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "x.pcap")
        clear_pcap(path, imix_sizes(), "02:00:00:00:01:01", "02:00:00:00:00:01", "10.1.0.2", "10.2.0.9")
        done = subprocess.run(["tshark", "-r", path, "-o", "ip.check_checksum:TRUE", "-T", "fields", "-e", "ip.len", "-e",
                               "ip.checksum.status", "-e", "udp.dstport"], capture_output=True, text=True, check=True)
        check_equal(done.stdout.split("\n")[:-1], ["%d\t1\t9" % s for s in imix_sizes()], "length, checksum, port")
        for algorithm in ("gcm128", "cbc128-sha256", "chacha"):
            esp_pcap(path, 512, "02:00:00:00:01:02", "02:00:00:00:00:02", ("192.0.2.2", "192.0.2.1"), ("10.2.0.9", "10.1.0.2"), 0x11110001, 1,
                     algorithm, count=8)
            done = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "esp.spi", "-e", "esp.sequence"], capture_output=True,
                                  text=True, check=True)
            check_equal(done.stdout.split("\n")[:-1], ["0x11110001\t%d" % (n + 1) for n in range(8)], algorithm)


def run(*words):
    with tempfile.TemporaryDirectory() as work:
        out = [os.path.join(work, n) for n in ("o.json", "o.svg")]
        done = subprocess.run([os.path.join(SCRIPTS, "run"), *words, "--json", out[0], "--svg", out[1]], capture_output=True, text=True,
                              timeout=300)
        check_equal(done.returncode, 0, done.stdout + done.stderr)
        with open(out[0]) as f:
            return json.load(f)


@case("run: wrong words are refused, the list is the scripts")
def words():
    for bad in (["throughput", "--sizes", "x"], ["nothing"], ["throughput", "--generator", "testpmd"], ["clear", "--sizes", "20"], [],
                ["clear", "--tunnels", "0"], ["clear", "--ports", "0000:01:00.0,0000:01:00.1"]):
        check_equal(subprocess.run([os.path.join(SCRIPTS, "run"), *bad], capture_output=True).returncode, 2, " ".join(bad))
    listed = subprocess.run([os.path.join(SCRIPTS, "run"), "--list"], capture_output=True, text=True, check=True).stdout
    names = {line.split()[0] for line in listed.splitlines()}
    check_equal(names, {f[:-4] for f in os.listdir(SCRIPTS) if f.endswith(".lua")} - {"common", "params.example"}, "scenarios")


@case("testpmd sends through culvert over memif: both sides count the same")
def testpmd():
    if not shutil.which("dpdk-testpmd"):
        raise Skip("dpdk-testpmd is not installed")
    c = run("clear", "--generator", "testpmd", "--sizes", "256", "--seconds", "2", "--no-huge")["counters"]
    check(c["agree"] and c["generator_received"] > 1000, str(c))
    return "%d sent, %d came through" % (c["generator_sent"], c["generator_received"])


REAL = {"throughput": ["--sizes", "64,512"], "imix": [], "tunnels": ["--tunnels", "100", "--sizes", "512"], "latency": ["--sizes", "128"],
        "clear": ["--sizes", "64,512"], "esp": ["--sizes", "512"]}


def real(name):
    c = run(name, "--pktgen", os.environ["PKTGEN"], "--seconds", "2", "--confirm", "3", "--max-rate", "0.5", "--resolution", "0.05",
            "--rate", "0.2", "--loss", "0.05", *REAL[name])["counters"]
    check(c["agree"], str(c))
    return "%d sent, %d came through, device dropped %s" % (c["generator_sent"], c["generator_received"], c["device_drops"])


def no_pktgen():
    raise Skip("PKTGEN names no Pktgen-DPDK, which Debian does not have")


if os.environ.get("PKTGEN"):
    for _name in REAL:
        add_case("Pktgen-DPDK runs %s, and its counters agree with culvert's within 1 %%" % _name, lambda name=_name: real(name))
else:
    add_case("Pktgen-DPDK runs every scenario", no_pktgen)

if __name__ == "__main__":
    main(needs_strongswan=False)
