"""What sends: Pktgen-DPDK, DPDK's testpmd where it suffices, or net_pcap in the device itself (replay). Made first, started then: a dry
run shows the commands."""
import json
import os
import re
import signal
import subprocess
import time

from device import HOST, Trouble, behind, say
from ports import pcap_frames

HERE = os.path.dirname(os.path.abspath(__file__))


def lua(v):
    if isinstance(v, dict):
        return "{%s}" % ",".join("%s=%s" % (k, lua(x)) for k, x in v.items())
    if isinstance(v, (list, tuple)):
        return "{%s}" % ",".join(lua(x) for x in v)
    return json.dumps(v)


def way(ports, from_esp):
    return (ports.gen[2], ports.gen[1]) if from_esp else (ports.gen[1], ports.gen[2])


class Program:
    """Started in a terminal of its own, as both generators ask for one; what it writes is a log in --keep's directory."""

    def __init__(self, command, log, **env):
        self.command, self.log, self.env, self.process = command, log, env, None

    def start(self):
        quoted = " ".join("'%s'" % c for c in self.command)
        with open(self.log, "w") as out:
            self.process = subprocess.Popen(["script", "-qefc", quoted, "/dev/null"], stdin=subprocess.PIPE, stdout=out,
                                            stderr=subprocess.STDOUT, env=dict(os.environ, **self.env), start_new_session=True)

    def stop(self):
        if not self.process:
            return
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(5)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def last_words(self):
        with open(self.log, errors="replace") as f:
            text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", f.read())
        return " ".join(text.split())[-300:]


class Pktgen:
    def __init__(self, args, ports, work, flows):
        from_esp = args.scenario == "esp"
        ends = ports.macs[0], (ports.far_macs[0] if ports.far else ports.macs[1])
        self.params = {"tx": "1" if from_esp else "0", "rx": "0" if from_esp else "1", "tx_dst_mac": ends[from_esp], "rx_dst_mac": ends[not from_esp],
                       "src": HOST, "dst": behind(0), "sizes": args.sizes, "tunnels": args.tunnels, "seconds": args.seconds,
                       "confirm": args.confirm, "loss": args.loss, "max_rate": args.max_rate, "resolution": args.resolution, "rate": args.rate,
                       "shares": [0.1, 0.5, 0.9], "tunnel_counts": args.tunnel_counts,
                       "result": os.path.join(work, "result.json"), "progress": os.path.join(work, "progress")}
        command = [args.pktgen, "--lcores", args.gen_lcores, "-n", "2", "--file-prefix", "gen%d" % os.getpid()] + sum(ports.gen, [])
        command += ["--no-huge", "-m", "2048"] if args.no_huge else []
        command += ["--", "-P", "-T", "-m", "%s.[0-1]" % args.gen_lcores.rsplit(",", 1)[-1].split("@")[0],
                    "-f", os.path.join(HERE, args.scenario + ".lua")]
        if flows and flows[0][1]:
            command += ["-s", "%s:%s" % (self.params["tx"], flows[0][1])]
        self.path = os.path.join(work, "params.lua")
        self.program = Program(command, os.path.join(work, "pktgen.log"), CULVERT_PARAMS=self.path, CULVERT_SCRIPTS=HERE, TERM="xterm")
        self.programs = [self.program]

    def result(self, _devices, deadline):
        with open(self.path, "w") as f:
            f.write("return " + lua(self.params) + "\n")
        self.program.start()
        shown = 0
        while time.time() < deadline:
            shown = self.tell(shown)
            if os.path.exists(self.params["result"]):
                self.tell(shown)
                with open(self.params["result"]) as f:
                    return json.load(f)
            if self.program.process.poll() is not None:
                raise Trouble("Pktgen ended without a result: " + self.program.last_words())
            time.sleep(0.2)
        raise Trouble("no result in time: " + self.program.last_words())

    def tell(self, shown):
        try:
            with open(self.params["progress"]) as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            return shown
        for line in lines[shown:]:
            say(line)
        return len(lines)


class Testpmd:
    """As fast as it goes: one testpmd hands on what net_pcap reads without end (port 0 the wire, port 1 and on a file each), a
    second one counts what comes (rxonly)."""

    def __init__(self, args, ports, work, flows):
        self.args, self.flows = args, flows
        tx, rx = way(ports, args.scenario == "esp")
        files = sum((["--vdev", "net_pcap%d,rx_pcap=%s,infinite_rx=1" % (10 + n, path)] for n, (_, path) in enumerate(flows)), [])
        self.sender = self.one(args, "tx", ports.gen[0] + tx + files, work, ["--forward-mode=io"])
        self.receiver = self.one(args, "rx", ports.gen[0] + rx, work, ["--forward-mode=rxonly"])
        self.programs = [self.sender, self.receiver]

    def one(self, args, side, ports, work, mode):
        command = [args.testpmd, "--lcores", args.gen_lcores, "-n", "2", "--file-prefix", "gen%s%d" % (side, os.getpid())] + ports
        command += (["--no-huge", "-m", "256"] if args.no_huge else []) + ["--", "--no-mlockall", "--total-num-mbufs=32768", "--nb-cores=1", "--interactive"] + mode
        return Program(command, os.path.join(work, "testpmd-%s.log" % side), TERM="dumb")

    def type(self, program, line):
        program.process.stdin.write((line + "\n").encode())
        program.process.stdin.flush()

    def count(self, program, what):
        """The counter of port 0 as testpmd shows it now."""
        with open(program.log, errors="replace") as f:
            start = len(f.read())
        self.type(program, "show port stats 0")
        for _ in range(100):
            time.sleep(0.1)
            with open(program.log, errors="replace") as f:
                found = re.search(r"NIC statistics for port 0[\s\S]*" + what + r":\s*(\d+)[\s\S]*#{20}", f.read()[start:])
            if found:
                return int(found[1])
            if program.process.poll() is not None:
                break
        raise Trouble("testpmd showed no counters: " + program.last_words())

    def settled(self):
        last = -1
        for _ in range(50):
            now = self.count(self.receiver, "RX-packets")
            if now == last:
                break
            last = now
            time.sleep(0.5)
        return last

    def trial(self, port, sent_before, received_before):
        seconds = self.args.seconds
        self.type(self.sender, "set portlist 0,%d" % port)
        self.type(self.sender, "start")
        time.sleep(seconds)
        self.type(self.sender, "stop")
        sent, received = self.count(self.sender, "TX-packets") - sent_before, self.settled() - received_before
        lost = max(sent - received, 0)
        return {"sent": sent, "received": received, "lost": lost, "seconds": seconds, "pps": received / seconds,
                "loss": lost / sent if sent else 1, "rate_percent": 100}

    def result(self, _devices, _deadline):
        self.sender.start()
        self.receiver.start()
        self.type(self.receiver, "start")
        received = self.count(self.receiver, "RX-packets")
        sent = self.count(self.sender, "TX-packets")  # both are up
        results, first = [], received
        start = sent
        for n, (what, _) in enumerate(self.flows):
            best = self.trial(1 + n, sent, received)
            sent, received = sent + best["sent"], received + best["received"]
            results.append(dict(what, best=best, trials=[best]))
        return {"scenario": self.args.scenario, "results": results, "generator_counters": {"sent": sent - start, "received": received - first}}


class Replay:
    """No program: the device's own port brings the packets, as fast as its worker takes them. Counters of the device are the result."""
    programs = []

    def __init__(self, args, _ports, _work, flows):
        self.args, self.flows = args, flows

    def result(self, devices, _deadline):
        device = devices[0]
        before, start = device.counters(), time.monotonic()
        time.sleep(self.args.seconds)
        after, seconds = device.counters(), time.monotonic() - start
        took, gave = after["received"] - before["received"], after["sent"] - before["sent"]
        drops = {k: v - before["drops"].get(k, 0) for k, v in after["drops"].items() if v > before["drops"].get(k, 0)}
        best = {"sent": took, "received": gave, "lost": sum(drops.values()), "seconds": seconds, "pps": gave / seconds,
                "loss": sum(drops.values()) / took if took else 1}
        counters = {"replayed": took, "device_sent": gave, "device_drops": drops,
                    "difference": abs(took - gave - best["lost"]) / max(took, 1)}
        return {"scenario": self.args.scenario, "results": [dict(self.flows[0][0], best=best, trials=[best])], "counters": counters}

    def written(self, device):
        """Packets that the device's port says it sent, all in all; then those of the file, when the device has ended."""
        device.cut()
        port, last = "Ethernet0/0" if self.args.scenario == "esp" else "Ethernet0/1", -1
        for _ in range(20):
            time.sleep(1)
            now = device.port_sent(port)
            if now == last:
                break
            last = now
        device.stop()
        return {"port_sent": last, "file_packets": sum(1 for _ in pcap_frames(self.args.tx_pcap))}
