#!/usr/bin/python3
"""Two culverts against two strongSwans (kernel-libipsec), the same two hosts in front of both, in one run.

                 +-- culvert ---- ESP, memif or veth ---- culvert --+
    left host ---+  10.1.0.1                             10.2.0.1   +--- right host
                 +-- strongSwan - ESP in UDP, veth --- strongSwan --+
                    10.3.0.1                             10.4.0.1

Every box is a network namespace. Only the pair that is measured runs; pairs take turns in every round, each with one
tunnel (IKEv2, pre-shared key), made anew for every load; in a third turn the kernel forwards in clear, as a ceiling. Loads are iperf3's, from left to right: TCP in 1 and 4 streams, UDP in packets
of 1400 and of 92 octets as fast as the sender can. Beside what arrived stands the processor time that the two gateways'
processes took. Needs root; exit 1 if a pair did not carry a load. docs/performance/pair.md holds figures.
"""
import argparse
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import culvert as cv  # noqa: E402
import net  # noqa: E402
import strongswan as ss  # noqa: E402
import traffic  # noqa: E402

CBC128 = cv.Transform("cbc128-sha256", "aes-cbc-128", "sha256", "esp-aes 128 esp-sha256-hmac", "aes128-sha256-prfsha256",
                      "aes128-sha256", "AES-CBC-128 + SHA-256")
TRANSFORMS = {"gcm": cv.GCM, "cbc": CBC128}
MTU = 1400  # of the hosts: what libipsec's tun device holds
TCP_HEADERS, UDP_HEADERS = 40, 28
LOADS = {"tcp1": ["-P", "1"], "tcp4": ["-P", "4"],
         "udp1400": ["-u", "-b", "0", "-l", str(MTU - UDP_HEADERS)], "udp92": ["-u", "-b", "0", "-l", str(92 - UDP_HEADERS)]}


class Gateways:
    """The two gateways of one kind, in their namespaces; behind them 10.<first>.0.0/24 and 10.<first + 1>.0.0/24."""

    def __init__(self, lab, hosts, kind, first, link):
        self.lab, self.kind, self.first, self.link = lab, kind, first, link
        self.spaces = [lab.ns("%s%d" % (kind[0], n)) for n in (1, 2)]
        self.running = []
        for n, (host, gw) in enumerate(zip(hosts, self.spaces)):
            port = "eth-" + kind[0]
            lab.veth(host, port, gw, "in0", mtu=MTU)
            host.address(port, self.inside(n) + ".2/24")
            host.route(self.inside(1 - n) + ".0/24", self.inside(n) + ".1")
        if link == "veth":
            lab.veth(self.spaces[0], "out0", self.spaces[1], "out0")
        self.right_address = self.inside(1) + ".2"

    def inside(self, n):
        return "10.%d.0" % (self.first + n)

    def cpu_seconds(self):
        """Of all processes in both namespaces: user and system."""
        ticks = 0
        for ns in self.spaces:
            for pid in ns.run("ip", "netns", "pids", ns.name).stdout.split():
                try:
                    with open("/proc/%s/stat" % pid) as f:
                        fields = f.read().rsplit(")", 1)[1].split()
                    ticks += int(fields[11]) + int(fields[12])
                except (FileNotFoundError, ProcessLookupError):
                    continue
        return ticks / os.sysconf("SC_CLK_TCK")


class StrongSwans(Gateways):
    """plugins: whose algorithms are taken first."""

    def __init__(self, lab, hosts, plugins):
        super().__init__(lab, hosts, "strongswan", 3, "veth")
        self.plugins = plugins
        for n, gw in enumerate(self.spaces):
            gw.address("out0", "192.0.2.%d/24" % (n + 1))
            gw.address("in0", self.inside(n) + ".1/24")
            gw.forward()

    def start(self, transform):
        for n, gw in enumerate(self.spaces):
            conf = ss.connection(local="192.0.2.%d" % (n + 1), remote="192.0.2.%d" % (2 - n), ike=transform.strongswan_ike(19),
                                 esp=transform.ss_esp, local_ts=self.inside(n) + ".0/24", remote_ts=self.inside(1 - n) + ".0/24")
            self.running.append(ss.StrongSwan(gw, name="strongswan%d" % (n + 1), first=self.plugins).start(conf))
        self.running[0].initiate()

    def stop(self):
        for s in self.running:
            s.kill()
        self.running = []

    def notes(self):
        return {}


class Kernels(Gateways):
    """No VPN: the kernel forwards in clear. What the hosts are able to on this machine, as a ceiling for the others."""

    def __init__(self, lab, hosts):
        super().__init__(lab, hosts, "kernel", 5, "veth")
        for n, gw in enumerate(self.spaces):
            gw.address("out0", "192.0.2.%d/24" % (n + 1))
            gw.address("in0", self.inside(n) + ".1/24")
            gw.route(self.inside(1 - n) + ".0/24", "192.0.2.%d" % (2 - n))
            gw.forward()

    def start(self, transform):
        pass

    def stop(self):
        pass

    def notes(self):
        return {}


class Culverts(Gateways):
    """options: the program's: link, inside, memory, lcores."""

    def __init__(self, lab, hosts, options):
        super().__init__(lab, hosts, "culvert", 1, options.link)
        self.options = options
        self.restarts = 0
        for gw in self.spaces:
            lab.bare_port(gw, "in0")
            if self.link == "veth":
                lab.bare_port(gw, "out0")

    def outside_port(self, n):
        if self.link == "veth":
            return self.options.driver + ",iface=out0"
        path = self.lab.path("memif-%d.sock" % self.restarts)
        return "net_memif,role=%s,id=0,socket=%s,socket-abstract=no,mac=02:00:00:00:00:%02x,rsize=%d" % (
            ("server", "client")[n], path, n + 1, self.options.ring)

    def text(self, n, transform):
        text = cv.config(hostname="gw%d" % n, transform=transform, local="192.0.2.%d" % (n + 1), peer="192.0.2.%d" % (2 - n),
                         inside=self.inside(n) + ".1", tunnel_ip="10.255.0.%d 255.255.255.252" % (n + 1),
                         far=self.inside(1 - n) + ".0 255.255.255.0")
        lcore = self.options.lcores.split(",")[n]
        for old, new in ((" workers 1", " lcores " + lcore), (" memory no-huge", " memory " + self.options.memory),
                         (cv.OUTSIDE, self.outside_port(n)),
                         (cv.INSIDE, self.options.driver + ",iface=in0" + self.options.driver_args)):
            text = text.replace(old, new)
        return text

    def start(self, transform):
        self.restarts += 1
        for n, gw in enumerate(self.spaces):
            self.running.append(cv.Culvert(gw, self.text(n, transform), name="culvert%d-%d" % (n + 1, self.restarts)).start())
        self.running[0].up()
        self.running[0].wait_up()

    def stop(self):
        for c in self.running:
            c.stop()
        self.running = []

    def notes(self):
        """Drop counters of both, added up."""
        drops = {}
        for c in self.running:
            for name, count in c.drops().items():
                if isinstance(count, int) and count:
                    drops[name] = drops.get(name, 0) + count
        return {"drops": drops} if drops else {}


def serve(right, pair, load):
    daemon = right.start("iperf3-%s-%d" % (load, time.monotonic_ns() // 1000000), "iperf3", "-s", "-1", "-B", pair.right_address)
    net.wait_for("iperf3's server", lambda: right.run("ss", "-Hltn", "sport", "=", ":5201").stdout.strip(), 5)
    return daemon


def tcp(left, right, pair, load, seconds):
    """What iperf3 says of its own run; gateway_cpu: processors that the gateways took, 1 being one of them whole."""
    daemon = serve(right, pair, load)
    try:
        before, started = pair.cpu_seconds(), time.monotonic()
        done = left.run("iperf3", "-c", pair.right_address, "-t", seconds, "-O", 1, "-J", "--connect-timeout", 5000, *LOADS[load],
                        check=False, timeout=seconds + 40)
        cpu = (pair.cpu_seconds() - before) / (time.monotonic() - started)
    finally:
        right.lab.stop(daemon)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise net.LabError("iperf3 printed no report: %s" % (done.stderr or done.stdout).strip())
    if "error" in report:
        raise net.LabError("iperf3, %s over %s: %s" % (load, pair.kind, report["error"]))
    end = report["end"]
    return {"mbits": end["sum_received"]["bits_per_second"] / 1e6, "retransmits": end["sum_sent"].get("retransmits", 0),
            "gateway_cpu": round(cpu, 2)}


def packets(host, port, which):
    return int(host.run("cat", "/sys/class/net/%s/statistics/%s_packets" % (port, which)).stdout)


def udp(left, right, pair, load, seconds):
    """Packets that reach the right host while iperf3 sends: libipsec queues without a bound, so that iperf3's own report, which
    goes through the tunnel behind them, can be minutes late. It is ended instead, and the pair is started anew for what follows."""
    port = "eth-" + pair.kind[0]
    daemon = serve(right, pair, load)
    sender = left.start("sender-%s-%d" % (load, time.monotonic_ns() // 1000000), "iperf3", "-c", pair.right_address,
                        "-t", seconds + 10, "--connect-timeout", 5000, *LOADS[load])
    try:
        time.sleep(1.5)
        cpu, started = pair.cpu_seconds(), time.monotonic()
        sent, came = packets(left, port, "tx"), packets(right, port, "rx")
        time.sleep(seconds)
        sent, came = packets(left, port, "tx") - sent, packets(right, port, "rx") - came
        took = time.monotonic() - started
        cpu = (pair.cpu_seconds() - cpu) / took
        if sender.poll() is not None:
            raise net.LabError("iperf3's sender ended early, see %s" % sender.log_path)
    finally:
        left.lab.stop(sender)
        right.lab.stop(daemon)
    return {"kpps": came / took / 1e3, "offered_kpps": sent / took / 1e3, "gateway_cpu": round(cpu, 2)}


def turn(hosts, pair, transform, loads, seconds):
    """Every load over one pair, started anew for each."""
    out = {}
    for load in loads:
        pair.start(transform)
        try:
            traffic.ping_until(hosts[0], pair.right_address, 15)
            out[load] = (udp if load.startswith("udp") else tcp)(*hosts, pair, load, seconds)
            out[load].update(pair.notes())
        finally:
            pair.stop()
    return out


def median(rounds, kind, load, what):
    return statistics.median(r[kind][load][what] for r in rounds)


def summary(rounds, loads):
    rows = {}
    for load in loads:
        what = "kpps" if load.startswith("udp") else "mbits"
        c, s, clear = (median(rounds, kind, load, what) for kind in ("culvert", "strongswan", "kernel"))
        rows[load] = {"unit": "kpps" if what == "kpps" else "Mbit/s", "culvert": round(c, 1), "strongswan": round(s, 1),
                      "ratio": round(c / s, 2) if s else None, "clear": round(clear, 1),
                      "cpu": {kind: median(rounds, kind, load, "gateway_cpu") for kind in ("culvert", "strongswan")}}
    return rows


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown")
    return {"processor": model, "processors": os.cpu_count(), "kernel": os.uname().release, "load": os.getloadavg()}


def run(options):
    """The whole: {"machine", "transforms": {name: {"rounds", "median"}}}."""
    result = {"machine": machine(), "options": vars(options), "transforms": {}}
    lab = net.Lab("pair")
    os.chmod(lab.dir, 0o711)
    try:
        hosts = lab.ns("left"), lab.ns("right")
        pairs = Culverts(lab, hosts, options), StrongSwans(lab, hosts, options.plugins), Kernels(lab, hosts)
        for name in options.transforms.split(","):
            rounds = []
            for n in range(options.rounds):
                order = pairs if n % 2 == 0 else pairs[::-1]
                chosen = [p for p in order if p.kind in (options.only or "culvert,strongswan,kernel").split(",")]
                done = {p.kind: turn(hosts, p, TRANSFORMS[name], options.loads.split(","), options.seconds) for p in chosen}
                done["load"] = os.getloadavg()[0]
                rounds.append(done)
                print("%s round %d: %s" % (name, n + 1, json.dumps(done)), flush=True)
            result["transforms"][name] = {"rounds": rounds}
            if not options.only:
                result["transforms"][name]["median"] = summary(rounds, options.loads.split(","))
    except net.LabError:
        print(lab.tails(15), file=sys.stderr)
        raise
    finally:
        lab.close()
    result["machine"]["load_after"] = os.getloadavg()
    return result


def table(result):
    lines = ["%-6s %-8s %14s %14s %7s %14s   gateways' processors" % ("", "load", "culvert", "strongSwan", "ratio", "clear")]
    for name, t in result["transforms"].items():
        for load, r in t.get("median", {}).items():
            lines.append("%-6s %-8s %14s %14s %7s %14s   %.2f, %.2f" % (
                name, load, "%.1f %s" % (r["culvert"], r["unit"]), "%.1f %s" % (r["strongswan"], r["unit"]), r["ratio"],
                "%.1f %s" % (r["clear"], r["unit"]), r["cpu"]["culvert"], r["cpu"]["strongswan"]))
    return "\n".join(lines)


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=int, default=5, help="of each load; one more goes before it")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--transforms", default="gcm,cbc")
    p.add_argument("--loads", default=",".join(LOADS))
    p.add_argument("--only", help="one of: culvert, strongswan, kernel")
    p.add_argument("--json", help="write everything there")
    p.add_argument("--plugins", default="aesni openssl", help="strongSwan's, whose algorithms are taken first")
    g = p.add_argument_group("culvert")
    g.add_argument("--link", choices=("memif", "veth"), default="memif", help="between the two")
    g.add_argument("--driver", choices=("net_af_xdp", "net_af_packet"), default="net_af_xdp", help="of ports on a veth")
    g.add_argument("--driver-args", default="", help="appended to the inside ports' arguments: ,busy_budget=0")
    g.add_argument("--ring", type=int, default=11, help="memif's ring, as a power of two")
    g.add_argument("--memory", default="no-huge", help="no-huge (workers sleep when idle) or `hugepages 512` (they poll)")
    g.add_argument("--lcores", default="0,1", help="the worker of the left one, and of the right one")
    return p


def main(argv):
    options = parser().parse_args(argv)
    unknown = [x for x in options.loads.split(",") if x not in LOADS] + [x for x in options.transforms.split(",") if x not in TRANSFORMS]
    if unknown:
        sys.exit("throughput_pair: unknown: %s; there are %s" % (", ".join(unknown), ", ".join([*LOADS, *TRANSFORMS])))
    if os.geteuid() != 0:
        sys.exit("throughput_pair: needs root, for network namespaces")
    for reason in (cv.available(), ss.available()):
        if reason:
            sys.exit("throughput_pair: %s" % reason)
    try:
        result = run(options)
    except net.LabError as e:
        sys.exit("throughput_pair: %s" % e)
    if not options.only:
        print(table(result))
    if options.json:
        with open(options.json, "w") as f:
            json.dump(result, f, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
