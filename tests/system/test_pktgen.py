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
from packets import clear_pcap, esp_pcap, even_flows, imix_flows, imix_sizes  # noqa: E402
from plot import plot  # noqa: E402
from ports import pcap_frames  # noqa: E402

PARAMS = """return {tx="0", rx="1", tx_dst_mac="02:00:00:00:00:01", rx_dst_mac="02:00:00:00:00:02", src="10.1.0.2", dst="10.2.0.9",
sizes={64,512}, tunnels=%d, seconds=10, confirm=60, loss=%s, max_rate=100, resolution=0.5, rate=3, shares={0.1,0.5}, tunnel_counts={1,100},
result=%s, progress=%s}"""


def scenario(name, capacity, loss=0.0, tunnels=1):
    with tempfile.TemporaryDirectory() as work:
        paths = [os.path.join(work, n) for n in ("params.lua", "result.json", "progress")]
        with open(paths[0], "w") as f:
            f.write(PARAMS % (tunnels, loss, json.dumps(paths[1]), json.dumps(paths[2])))
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
    for name in ("throughput", "clear"):
        check_equal([r["size"] for r in scenario(name, 9e6, tunnels=300)["results"]], [64, 512], name + " over 300 tunnels")
    latency = scenario("latency", 9e6)
    check(latency["generator_counters"]["sent"] > sum(r["trial"]["sent"] for r in latency["results"]), "totals are of the whole run")
    rows = latency["results"]
    check_equal([(r["size"], r["share"], r["avg_us"]) for r in rows], [(64, 0.1, 2.5), (64, 0.5, 2.5), (512, 0.1, 2.5), (512, 0.5, 2.5)], "rows")
    for name in ("throughput", "tunnels", "latency"):
        svg = plot(dict(scenario(name, 9e6), transform="esp-gcm-128"))
        check(svg.startswith("<svg") and svg.count("<rect") >= 3, name + " as a picture")


@case("packets: sizes and checksums as tshark sees them; ESP that scapy made and culvert's transform names")
def packets():
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "x.pcap")
        clear_pcap(path, imix_flows(["10.2.0.9"]), "02:00:00:00:01:01", "02:00:00:00:00:01", "10.1.0.2")
        done = subprocess.run(["tshark", "-r", path, "-o", "ip.check_checksum:TRUE", "-T", "fields", "-e", "ip.len", "-e",
                               "ip.checksum.status", "-e", "udp.dstport"], capture_output=True, text=True, check=True)
        check_equal(done.stdout.split("\n")[:-1], ["%d\t1\t9" % s for s in imix_sizes()], "length, checksum, port")
        for algorithm in ("gcm128", "cbc128-sha256", "chacha"):
            esp_pcap(path, 512, "02:00:00:00:01:02", "02:00:00:00:00:02", ("192.0.2.2", "192.0.2.1"),
                     [(spi, "10.2.0.9", "10.1.0.2") for spi in (0x11110001, 0x11110002)], 1, algorithm, least=8)
            done = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "esp.spi", "-e", "esp.sequence"], capture_output=True,
                                  text=True, check=True)
            check_equal(done.stdout.split("\n")[:-1], ["0x1111000%d\t%d" % (1 + n % 2, 1 + n // 2) for n in range(8)], algorithm)
    mix = imix_flows(["a", "b", "c", "d", "e"])
    check_equal({host: sorted(size for size, h in mix if h == host) for host in "abcde"}, dict.fromkeys("abcde", sorted(imix_sizes())), "each host's mix")
    even = [host for _, host in even_flows(64, list("abc"))]
    check(len(even) >= 64 and even.count("a") == even.count("b") == even.count("c"), "all equally often")


def call(*words, cwd=None):
    return subprocess.run([os.path.join(SCRIPTS, "run"), *words], capture_output=True, text=True, timeout=300, cwd=cwd)


def run(*words):
    with tempfile.TemporaryDirectory() as work:
        done = call(*words, cwd=work)
        check_equal(done.returncode, 0, done.stdout + done.stderr)
        names = ["pktgen-%s.%s" % (words[0], kind) for kind in ("json", "svg")]
        check("written: " + ", ".join(names) in done.stdout, done.stdout)
        check_equal([n for n in sorted(os.listdir(work)) if n in names], names, "files")
        with open(os.path.join(work, names[0])) as f:
            return json.load(f)


CARDS = ["--ports", "0000:01:00.0,0000:01:00.1", "--gen-ports", "0000:02:00.0,0000:02:00.1",
         "--macs", "02:00:00:00:00:0a,02:00:00:00:00:0b", "--gen-macs", "02:00:00:00:00:1a,02:00:00:00:00:1b"]
FAR = ["--far-ports", "0000:03:00.0,0000:03:00.1", "--far-macs", "02:00:00:00:00:2a,02:00:00:00:00:2b"]
INTERFACES = ["--ports", "pcap:lo,lo", "--gen-ports", "lo,lo"]
REFUSED = [  # words, and what the one line says
    (["throughput", "--sizes", "x"], "list of numbers"), (["nothing"], "invalid choice"), ([], "a scenario"),
    (["clear", "--sizes", "20"], "28 to 1420"), (["clear", "--tunnels", "0"], "1 to 4000"),
    (["throughput", "--generator", "testpmd"], "cannot send slower"), (["latency", "--generator", "testpmd"], "no time stamps"),
    (["clear", "--generator", "testpmd", "--rate", "1"], "--rate says nothing"), (["imix", "--generator", "testpmd", "--loss", "0.1"], "--loss says nothing"),
    (["throughput", "--rate", "1"], "--rate says nothing"), (["clear", "--confirm", "1"], "--confirm says nothing"),
    (["imix", "--sizes", "64"], "--sizes says nothing"), (["latency", "--tunnels", "8"], "--tunnels says nothing"),
    (["clear", "--pair", "--tunnels", "8"], "--pair has one tunnel"), (["esp", "--pair"], "one gateway"), (["tunnels", "--sizes", "64,512"], "one size"),
    (["clear"] + CARDS[:2], "--gen-ports"), (["clear"] + CARDS[:4], "--macs"), (["clear"] + CARDS[:6], "--gen-macs"),
    (["clear", "--ports", "eth0,eth1"] + CARDS[2:], "no PCI address"), (["clear"] + CARDS[:6] + ["--gen-macs", "x,y"], "no MAC address"),
    (["latency"] + CARDS, "--far-ports CLEAR,ESP"), (["latency"] + CARDS + FAR[:2], "--far-macs"), (["clear"] + CARDS + FAR, "second gateway"),
    (["clear"] + CARDS[2:4], "says nothing with --ports memif"), (["latency"] + INTERFACES, "--far-ports"), (["clear"] + INTERFACES[:2], "--gen-ports"),
    (["latency", "--ports", "pcap"], "no time stamps"), (["throughput", "--ports", "pcap"], "nobody lowers the rate"),
    (["tunnels", "--ports", "pcap:x.pcap"], "nobody lowers the rate"), (["clear", "--ports", "pcap", "--rate", "1"], "--rate says nothing"),
    (["clear", "--ports", "pcap", "--pair"], "--pair"), (["clear", "--ports", "pcap:x.pcap", "--sizes", "64"], "--sizes says nothing"),
    (["clear", "--tx-pcap", "x"], "--ports pcap"), (["clear", "--ports", "pcap", "--tx-pcap", "x", "--seconds", "9"], "--seconds 5")]


@case("run: what cannot be or would do nothing is refused in one line with its reason, the list is the scripts")
def words():
    for bad, reason in REFUSED:
        done = call(*bad)
        check_equal(done.returncode, 2, " ".join(bad) + done.stdout)
        last = done.stderr.splitlines()[-1]
        check("error: " in last and reason in last, "%s: %s" % (" ".join(bad), last))
    names = {line.split()[0] for line in call("--list").stdout.splitlines()}
    check_equal(names, {f[:-4] for f in os.listdir(SCRIPTS) if f.endswith(".lua")} - {"common", "params.example"}, "scenarios")


def dry(*words):
    done = call(*words, "--dry-run")
    check_equal((done.returncode, done.stderr), (0, ""), " ".join(words))
    return done.stdout


def holds(text, *lines):
    for line in lines:
        check(line in text, "%r is not in %s" % (line, text))


@case("cards: ports, neighbours and generator of a run, and of a run through two gateways, without starting anything")
def cards():
    device, _, generator = dry("clear", *CARDS, "--sizes", "64,512", "--rate", "3").partition("# generator")
    holds(device, " port Ethernet0/0 pci 0000:01:00.0\n", " port Ethernet0/1 pci 0000:01:00.1\n", "nbr 1 10.1.0.2 02:00:00:00:00:1a\n",
          "nbr 2 192.0.2.2 02:00:00:00:00:1b\n")
    holds(generator, "-a 0000:02:00.0 -a 0000:02:00.1 -- -P -T", 'tx="0"', 'tx_dst_mac="02:00:00:00:00:0a"', "sizes={64,512}", "rate=3.0")
    check("# far" not in device and "--no-pci" not in generator, "one gateway, with cards")
    near, _, rest = dry("latency", *CARDS, *FAR, "--far-lcores", "5").partition("# far")
    far, _, generator = rest.partition("# generator")
    holds(near, "nbr 2 192.0.2.2 02:00:00:00:00:2b\n", "addr 2 192.0.2.1/24", "sa out 1 0x22220001 16 gcm128 2 192.0.2.1 192.0.2.2",
          "sa in 1 0x11110001 16 gcm128 1 192.0.2.1 192.0.2.2")
    holds(far, " lcores 5\n", " port Ethernet0/0 pci 0000:03:00.0\n", " port Ethernet0/1 pci 0000:03:00.1\n", "addr 2 192.0.2.2/24",
          "nbr 2 192.0.2.1 02:00:00:00:00:0b\n", "nbr 1 10.2.0.9 02:00:00:00:00:1b\n", "route 0 10.1.0.0/24 dev 16\n",
          "sa out 1 0x11110001 16 gcm128 1 192.0.2.2 192.0.2.1", "sa in 1 0x22220001 16 gcm128 2 192.0.2.2 192.0.2.1")
    holds(generator, 'tx_dst_mac="02:00:00:00:00:0a"', 'rx_dst_mac="02:00:00:00:00:2a"', "latency.lua")
    esp = dry("esp", *CARDS, "--sizes", "512", "--tunnels", "3")
    holds(esp, 'tx="1"', 'tx_dst_mac="02:00:00:00:00:0b"', "-s 1:", "sa in 3 0x11110003 18 gcm128 1 192.0.2.1 192.0.2.2 noreplay")
    testpmd_esp = dry("esp", *CARDS, "--sizes", "512", "--generator", "testpmd").split("# generator")
    holds(testpmd_esp[1], "-a 0000:02:00.1 --vdev net_pcap10,rx_pcap=", "--forward-mode=io")
    holds(testpmd_esp[2], "-a 0000:02:00.0 --", "--forward-mode=rxonly")


@case("network interfaces by net_pcap, testpmd's files, the numbers of tunnels by default")
def commands():
    text = dry("latency", *INTERFACES, "--far-ports", "lo,lo")
    holds(text, " port Ethernet0/1 vdev net_pcap1,iface=lo,phy_mac=1\n", "--no-pci --vdev net_pcap0,iface=lo,phy_mac=1 --vdev net_pcap1,iface=lo")
    check_equal(text.count("port Ethernet0/0 vdev net_pcap0,iface=lo,phy_mac=1"), 2, "both gateways")
    sender = dry("clear", "--generator", "testpmd", "--sizes", "64,512,1420").split("# generator")[1]
    check_equal(sender.count("infinite_rx=1"), 3, "a file for each size: " + sender)
    holds(dry("tunnels"), "tunnel_counts={1,10,100,1000}", "security-associations 2048", "if-tunnel 1015 Tunnel999 ")
    holds(dry("tunnels", "--tunnels", "300"), "tunnel_counts={1,10,100,300}")
    check_equal(dry("esp", "--sizes", "64,512").count("# generator"), 2, "Pktgen has one file a run")
    check_equal(call("clear", "--ports", "pcap:none0,none1", "--gen-ports", "lo,lo", "--dry-run").returncode, 3, "no such interface")


def accounted(result, tunnels):
    c = result["counters"]
    check(c["agree"] and c["device_sent"] > 1000 and not c["device_drops"], str(c))
    check_equal(c["tunnels_used"], tunnels, "tunnels that carried packets")
    return c


@case("pcap: net_pcap brings packets of every kind without end, culvert's counters say where each went")
def replay():
    short = ["--seconds", "1", "--no-huge", "--ports", "pcap"]
    result = run("clear", "--sizes", "64,1420", "--tunnels", "5", *short)
    accounted(result, 5)
    check_equal([r["size"] for r in result["results"]], [64, 1420], "every size")
    accounted(run("imix", "--tunnels", "3", *short), 3)
    return "%d packets of ESP decrypted" % accounted(run("esp", "--sizes", "512", "--tunnels", "4", *short), 4)["device_sent"]


@case("pcap: somebody's file goes in, and the file of what comes out holds what the port counted: ESP that scapy decrypts")
def replay_files():
    from scapy.layers.inet import IP, UDP
    from scapy.layers.ipsec import ESP, SecurityAssociation
    with tempfile.TemporaryDirectory() as work:
        into, out = os.path.join(work, "in.pcap"), os.path.join(work, "out.pcap")
        clear_pcap(into, even_flows(300, ["10.2.0.9", "10.2.1.9"], 10), "02:99:00:00:00:01", "02:99:00:00:00:02", "10.1.0.2")
        c = accounted(run("clear", "--ports", "pcap:" + into, "--tx-pcap", out, "--tunnels", "2", "--seconds", "0.3", "--no-huge"), 2)
        check(c["port_sent"] == c["file_packets"] >= c["device_sent"], str(c))
        spis, frames = set(), pcap_frames(out)
        for _ in range(50):
            packet = IP(next(frames)[14:])
            spi = packet[ESP].spi
            sa = SecurityAssociation(ESP, spi=spi, crypt_algo="AES-GCM", crypt_key=bytes(range(2, 18)) + bytes(range(102, 106)),
                                     tunnel_header=IP(src="192.0.2.1", dst="192.0.2.2"))
            inner = sa.decrypt(packet)
            check(inner[UDP].dport == 9 and inner.src == "10.1.0.2" and inner.len == 300, repr(inner))
            spis.add(spi)
        while len(spis) < 2:  # packets come in before the second tunnel is made
            spis.add(int.from_bytes(next(frames)[34:38], "big"))
        check_equal(spis, {0x22220001, 0x22220002}, "SPIs")
        with open(into, "ab") as f:
            f.write(b"half a packet")
        bad = call("clear", "--ports", "pcap:" + into, "--seconds", "0.3", "--no-huge", cwd=work)
        check(bad.returncode == 3 and "ends within a packet" in bad.stderr, bad.stderr)
    return "%d packets in the file" % c["file_packets"]


@case("testpmd sends through culvert over memif: both sides count the same")
def testpmd():
    if not shutil.which("dpdk-testpmd"):
        raise Skip("dpdk-testpmd is not installed")
    sent = 0
    for words, rows in ((["clear", "--sizes", "64,512,1420", "--tunnels", "3"], 3), (["imix"], 1), (["tunnels", "--tunnels", "20"], 3),
                        (["esp", "--sizes", "256", "--tunnels", "3"], 1)):
        result = run(*words, "--generator", "testpmd", "--seconds", "1", "--no-huge")
        c = result["counters"]
        check(c["agree"] and c["generator_received"] > 1000, str(c))
        check_equal(c["tunnels_used"], result["tunnels"], "tunnels that carried packets")
        check(len(result["results"]) == rows and all(r["best"]["received"] > 100 for r in result["results"]), str(result["results"]))
        sent += c["generator_sent"]
    return "%d sent" % sent


SEARCH = ["--confirm", "3", "--max-rate", "0.5", "--resolution", "0.05", "--loss", "0.05"]
REAL = {"throughput": ["--sizes", "64,512"] + SEARCH, "imix": SEARCH, "tunnels": ["--tunnels", "100", "--sizes", "512"] + SEARCH,
        "latency": ["--sizes", "128"] + SEARCH, "clear": ["--sizes", "64,512", "--rate", "0.2", "--tunnels", "8"],
        "esp": ["--sizes", "64,512", "--rate", "0.2", "--tunnels", "8"]}


def real(name):
    result = run(name, "--pktgen", os.environ["PKTGEN"], "--seconds", "2", *REAL[name])
    c = result["counters"]
    check(c["agree"], str(c))
    check_equal(c["tunnels_used"], result["tunnels"], "tunnels that carried packets")
    check(all(r["avg_us"] > 0 for r in result["results"] if "avg_us" in r), "averages")
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
