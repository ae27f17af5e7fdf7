"""Traffic between two hosts of a lab, with every packet accounted for."""
import json
import os
import sys
import time

from case import check, check_equal
from ledger import ledger_of
from net import LabError, wait_for

HERE = os.path.abspath(os.path.dirname(__file__))
PINGER = os.path.join(HERE, "pinger.py")


def ping(ns, address, count=5, interval=0.1, size=56, wait=10, source=None):
    """Returns (sent, received). wait: seconds without an answer after which no more are waited for; short where none is to come."""
    done = ns.run("/usr/bin/python3", "-IS", getattr(ns, "pinger", PINGER), address, count, interval, size, wait, *([source] if source else []), check=False,
                  timeout=count * (interval + wait) + 60)
    words = done.stdout.split()
    return (int(words[0]), int(words[1])) if len(words) == 2 else (count, 0)


def ping_until(ns, address, timeout=10, source=None):
    """Pings once at a time until an answer comes. Returns the seconds it took."""
    start = time.monotonic()
    wait_for("an answer to ping from %s" % address, lambda: ping(ns, address, 1, wait=1, source=source)[1] == 1,
             timeout)
    return time.monotonic() - start


def iperf3(client, server, address, seconds=3, reverse=False, mss=None, udp_mbit=None):
    """One run; returns {"mbits", "bytes", "retransmits" or "lost"}."""
    name = "iperf3-%s-%d" % (server.short, time.monotonic_ns() // 1000000)
    daemon = server.start(name, "iperf3", "-s", "-1", "--forceflush", "-B", address)
    try:
        wait_for("iperf3's server", lambda: server.run("ss", "-Hltn", "sport", "=", ":5201").stdout.strip(), 5)
        argv = ["iperf3", "-c", address, "-t", str(seconds), "-J", "--connect-timeout", "5000"]
        if reverse:
            argv.append("-R")
        if mss:
            argv += ["-M", str(mss)]
        if udp_mbit:
            argv += ["-u", "-b", "%dM" % udp_mbit, "-l", "1200"]
        done = client.run(*argv, check=False, timeout=seconds + 30)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            raise LabError("iperf3 printed no report: %s" % (done.stderr or done.stdout).strip())
        if "error" in report:
            raise LabError("iperf3: %s" % report["error"])
        end = report["end"]
        if udp_mbit:
            s = end["sum"]
            return {"mbits": s["bits_per_second"] / 1e6, "bytes": s["bytes"], "lost": s["lost_packets"]}
        return {"mbits": end["sum_received"]["bits_per_second"] / 1e6, "bytes": end["sum_received"]["bytes"],
                "retransmits": end["sum_sent"].get("retransmits", 0)}
    finally:
        server.lab.stop(daemon)


class Stream:
    """Numbered UDP packets from one host to another at a steady rate; says which ones are missing.

        with Stream(left, right, "10.2.0.2", rate=500) as s:
            ... disturb the tunnel ...
        s.sent, s.seconds (to the last one), s.received, s.lost, s.longest_gap_s, s.duplicates
    """
    _port = 20000

    def __init__(self, sender, receiver, address, rate=500, size=200):
        self.sender_ns, self.receiver_ns, self.address = sender, receiver, address
        self.rate, self.size = rate, size
        self.sent = self.received = self.lost = self.duplicates = self.out_of_order = 0
        self.longest_gap_s = self.seconds = 0.0

    def __enter__(self):
        Stream._port += 1
        self.port = Stream._port
        tag = "stream-%d" % self.port
        lab = self.sender_ns.lab
        self.result = lab.path(tag + ".json")
        self.sink = self.receiver_ns.start(tag + "-receive", "/usr/bin/python3", os.path.join(HERE, "stream.py"),
                                           "receive", self.address, self.port, self.result)
        wait_for("the stream's receiver", lambda: os.path.exists(self.result), 10)
        self.stop_file = lab.path(tag + ".stop")
        self.source = self.sender_ns.start(tag + "-send", "/usr/bin/python3", os.path.join(HERE, "stream.py"),
                                           "send", self.address, self.port, self.rate, self.size, self.stop_file)
        return self

    def progress(self):
        """Packets received so far."""
        try:
            with open(self.result) as f:
                return json.load(f)["received"]
        except ValueError:
            return 0

    def __exit__(self, *exc):
        lab = self.sender_ns.lab
        open(self.stop_file, "w").close()
        self.source.wait(10)
        time.sleep(0.7)  # what is still on the way
        self.sink.terminate()
        self.sink.wait(10)
        for p in (self.source, self.sink):
            lab.processes.remove(p)
        with open(self.source.log_path) as f:
            words = f.read().split()
        if len(words) < 2 or not words[-1].isdigit():
            raise LabError("the stream's sender failed: %s" % " ".join(words))
        self.seconds, self.sent = float(words[-2]), int(words[-1])
        with open(self.result) as f:
            r = json.load(f)
        self.received, self.duplicates = r["received"], r["duplicates"]
        self.out_of_order, self.longest_gap_s = r["out_of_order"], r["longest_gap_s"]
        self.lost = self.sent - self.received
        self.missing = r["missing"]
        if self.lost > 0 and r["highest"] < self.sent:
            self.missing.append([r["highest"] + 1, self.sent])
        return False


def carried(streams, count):
    """Waits until each has carried so many packets more."""
    until = [s.progress() + count for s in streams]
    wait_for("%d packets more each way" % count, lambda: all(s.progress() >= u for s, u in zip(streams, until)), 20)


def under_traffic(site, disturb, rate=400):
    """Runs disturb() with streams in both directions between the hosts of a topology; not one packet may be lost. Packets sent."""
    with ledger_of(site) as book:
        with Stream(site.left, site.right, site.right_address, rate) as there:
            with Stream(site.right, site.left, site.left_address, rate) as back:
                carried((there, back), rate // 2)
                disturb()
                carried((there, back), rate)
    for name, s in (("left to right", there), ("right to left", back)):
        check(s.sent > 200, "%s: only %d packets sent" % (name, s.sent))
        check_equal(s.lost, 0, "%s: packets lost of %d (missing %s; %s)" % (name, s.sent, s.missing, book.text()))
        check_equal(s.duplicates, 0, "%s: duplicates" % name)
    return there.sent + back.sent


if __name__ == "__main__":
    sys.exit("a library; see stream.py")
