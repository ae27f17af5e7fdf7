"""The device under test: culvert-dp with SAs put in through its contract (build/tests/mock/dpctl), and the addresses of a run."""
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("CULVERT_BUILD", os.path.join(ROOT, "build"))
HOST = "10.1.0.2"
LOCAL, PEER = "192.0.2.1", "192.0.2.2"
SPI_OUT, SPI_IN = 0x22220000, 0x11110000
ALGORITHMS = {"esp-gcm-128": "gcm128", "esp-gcm-256": "gcm256", "esp-aes-128-sha1": "cbc128-sha1",
              "esp-aes-128-sha256": "cbc128-sha256", "esp-chacha20-poly1305": "chacha", "esp-gmac-128": "gmac128"}


class Trouble(Exception):
    pass


def say(text):
    print(text, file=sys.stderr, flush=True)


def behind(i):
    """A host behind tunnel i: it protects 10.A.B.0/24, A and B being the octets of i (tunnels.lua has the same)."""
    return "10.%d.%d.9" % (2 + i // 256, i % 256)


class Device:
    """`tunnels` pairs of SAs; the far gateway of a pair has the first of them the other way round."""

    def __init__(self, args, ports, far, work):
        self.name, self.args, self.far = "far" if far else "device", args, far
        self.ports = ports
        self.tunnels = 1 if far else args.tunnels
        self.dir = os.path.join(work, self.name)
        self.log = os.path.join(work, self.name + ".log")
        self.conf = os.path.join(self.dir, "culvert.conf")
        self.process = None

    def command(self):
        return [os.path.join(BUILD, "culvert-dp"), "--run-dir", self.dir, "--config", self.conf]

    def config(self):
        a, names = self.args, self.ports.far if self.far else self.ports.near
        return ("platform dataplane\n lcores %s\n memory %s %d\n security-associations %d\n crypto-engine %s\n port Ethernet0/0 %s\n"
                " port Ethernet0/1 %s\n eal-args --file-prefix=%s%d\n" %
                (a.far_lcores if self.far else a.lcores, "no-huge" if a.no_huge else "hugepages", a.memory,
                 max(64, 1 << (2 * self.tunnels).bit_length()), a.engine, names[0], names[1], self.name, os.getpid()))

    def start(self):
        os.mkdir(self.dir)
        with open(self.conf, "w") as f:
            f.write(self.config())
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, start_new_session=True)
        for _ in range(300):
            if self.process.poll() is not None:
                break
            if os.path.exists(os.path.join(self.dir, "dp.sock")):
                self.ctl(self.script())
                return
            time.sleep(0.1)
        with open(self.log) as f:
            raise Trouble("%s did not start: %s" % (self.name, f.read().strip().splitlines()[-1:]))

    def ctl(self, script):
        done = subprocess.run([os.path.join(BUILD, "tests", "mock", "dpctl"), os.path.join(self.dir, "dp.sock")],
                              input="hello\n" + script, text=True, capture_output=True, timeout=120)
        if done.returncode:
            raise Trouble("%s: %s" % (self.name, (done.stderr or done.stdout).strip()))
        return done.stdout

    def script(self):
        """Interfaces, neighbours, tunnels, SAs, as dpctl reads them."""
        a, p = self.args, self.ports
        local, peer = (PEER, LOCAL) if self.far else (LOCAL, PEER)
        out, into = (SPI_IN, SPI_OUT) if self.far else (SPI_OUT, SPI_IN)
        seed_out, seed_in = (1, 2) if self.far else (2, 1)
        gateway = p.macs[1] if self.far else p.far_macs[1] if p.far else p.gen_macs[1]
        lines = ["if-port 1 Ethernet0/0 Ethernet0/0", "if-port 2 Ethernet0/1 Ethernet0/1",
                 "addr 1 " + ("10.2.255.1/16" if self.far else "10.1.0.1/24"), "addr 2 %s/24" % local, "nbr 2 %s %s" % (peer, gateway)]
        lines += ["nbr 1 %s %s" % ((behind(0), p.gen_macs[1]) if self.far else (HOST, p.gen_macs[0]))]
        for i in range(self.tunnels):
            tunnel, net = 16 + i, behind(i)[:-1] + "0/24"
            lines += ["if-tunnel %d Tunnel%d 4 %s %s" % (tunnel, i, local, peer),
                      "route 0 %s dev %d" % ("10.1.0.0/24" if self.far else net, tunnel),
                      "sa out %d %#x %d %s %d %s %s" % (1 + i, out + 1 + i, tunnel, ALGORITHMS[a.transform], seed_out, local, peer),
                      "activate %d %#x" % (1 + i, out + 1 + i),
                      "sa in %d %#x %d %s %d %s %s%s" % (1 + i, into + 1 + i, tunnel, ALGORITHMS[a.transform], seed_in, local, peer,
                                                         " noreplay" if a.scenario == "esp" else "")]
        return "\n".join(lines) + "\n"

    def counters(self):
        """As the workers count them; what the ports' drivers count is refreshed once a while."""
        text = self.ctl("drops\n")
        drops = {m[1]: int(m[2]) for m in re.finditer(r"^drop (\S+) (\d+)", text, re.M)}
        totals = [sum(int(n) for n in re.findall(r"^worker \d+ .*\b%s (\d+)" % word, text, re.M)) for word in ("rx", "tx")]
        return {"received": totals[0], "sent": totals[1], "drops": drops}

    def tunnels_used(self):
        """Of how many tunnels an SA has carried packets."""
        text = self.ctl("".join("counters out %d\ncounters in %d\n" % (1 + i, 1 + i) for i in range(self.tunnels)))
        return len({m[1] for m in re.finditer(r"^counters \w+ (\d+) packets [1-9]", text, re.M)})

    def port_sent(self, name):
        found = re.search(r"^port %s .*\btx (\d+)" % name, self.ctl("drops\n"), re.M)
        return int(found[1]) if found else 0

    def cut(self):
        """No more goes through, whatever still comes in."""
        lines = ["route-del 0 %s0/24" % behind(i)[:-1] for i in range(self.tunnels)]
        lines += ["sa-del in %d %#x" % (1 + i, SPI_IN + 1 + i) for i in range(self.tunnels)]
        self.ctl("\n".join(lines) + "\n")

    def stop(self):
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
