#!/usr/bin/python3
"""Child SAs of single workers (RFC 9611): between two culverts of two workers each, and with a peer that does not know them. Workers that are
added under traffic, and leave."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import strongswan  # noqa: E402
from case import Skip, case, check, check_equal, main  # noqa: E402
from net import wait_for  # noqa: E402
from topology import pair_site, strongswan_site  # noqa: E402
from traffic import Stream, ping  # noqa: E402

PER_WORKER = " set security-association per-worker"
EACH = {"ipsec_profile": PER_WORKER, "workers": 2}
# Two workers that send on one SA at a time: the far end's window holds what one of them is behind.
WIDE = {"ipsec_profile": " set security-association replay window-size 1024"}
FLOWS, ROUNDS = 64, 20

# Datagrams of many flows, one of each in turn; the far end says how many came.
SENDER = """
import socket, sys, time
flows = []
for n in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", 31000 + n))
    flows.append(s)
for r in range(int(sys.argv[3])):
    for s in flows:
        s.sendto(b"x" * 200, (sys.argv[1], 30000))
    time.sleep(0.02)
"""
RECEIVER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
s.bind((sys.argv[1], 30000))
open(sys.argv[2], "w").close()
s.settimeout(8)
n = 0
try:
    while n < int(sys.argv[3]):
        s.recv(2048)
        n += 1
except socket.timeout:
    pass
print(n, flush=True)
"""


def two_queues(title, workers=None, **args):
    """pair_site; both gateways spread the flows from their hosts over two workers. workers: what the left one's configuration says of them."""
    site = pair_site(title, start=False, **args)
    for gateway in (site.culvert, site.peer):
        start_on_two(gateway, workers if gateway is site.culvert else None)
    return site


def start_on_two(gateway, workers=None):
    with open(gateway.config) as f:
        text = f.read()
    text = text.replace("iface=in0", "iface=in0,qpairs=2")
    gateway.write_config(with_workers(text, workers) if workers else text)
    gateway.start()


def with_workers(text, workers):
    """workers: a number and what is behind it, or a line of `lcores`."""
    return re.sub(r"(?m)^ (workers|lcores) .*$", " " + (workers if workers.startswith("lcores") else "workers " + workers), text)


def reconfigure(gateway, workers):
    with open(gateway.config) as f:
        text = f.read()
    gateway.write_config(with_workers(text, workers))
    gateway.cli("reload")


def workers_of(gateway):
    return gateway.json("show", "platform", "dataplane")["workers"]


def wait_workers(gateway, count):
    wait_for("%d workers of %s" % (count, gateway.name), lambda: len(workers_of(gateway)) == count, 20)


def buckets_of(gateway):
    """How many buckets each worker has, and whether one is on its way."""
    buckets = gateway.json("show", "platform", "steering")["buckets"]
    return [sum(b["worker"] == w for b in buckets) for w in range(2)], any(b["moving"] for b in buckets)


def datagrams(site, sender, receiver, address):
    """How many of FLOWS x ROUNDS arrived."""
    ready = site.lab.path("ready-%d" % time.monotonic_ns())
    sink = receiver.start("sink-%d" % time.monotonic_ns(), "/usr/bin/python3", "-c", RECEIVER, address, ready, str(FLOWS * ROUNDS))
    wait_for("the receiver", lambda: os.path.exists(ready), 10)
    sender.run("/usr/bin/python3", "-c", SENDER, address, str(FLOWS), str(ROUNDS), timeout=60)
    sink.wait(60)
    site.lab.processes.remove(sink)
    with open(sink.log_path) as f:
        return int(f.read().split()[-1])


def flows(gateway):
    """Of the tunnel, those that send: the worker (None: for all) to the flow."""
    return {f["worker"]: f for f in gateway.session()["flows"] if f["active"]}


def complete(gateway):
    return sorted(flows(gateway), key=str) == [0, 1, None]


def up(site):
    site.culvert.up()
    check_equal(ping(site.left, site.right_address, 3)[1], 3, "pings")
    for gateway in (site.culvert, site.peer):
        wait_for("an SA for each worker of %s" % gateway.name, lambda g=gateway: complete(g), 20)


def sent(gateway):
    return {w: f["outbound"]["packets"] for w, f in flows(gateway).items()}


def dropped(gateway):
    return {k: v for k, v in gateway.drops().items() if v}


def received(gateway):
    return {w: f["inbound"]["packets"] for w, f in flows(gateway).items()}


@case("two culverts of two workers: the packets of each worker leave by its own SA, and all arrive")
def each_worker_sends_on_its_own():
    site = two_queues("each", left_args=EACH, right_args=EACH)
    up(site)
    for gateway, from_, to, address in ((site.culvert, site.left, site.right, site.right_address),
                                        (site.peer, site.right, site.left, site.left_address)):
        other = site.peer if gateway is site.culvert else site.culvert
        before, there = sent(gateway), received(other)
        check_equal(datagrams(site, from_, to, address), FLOWS * ROUNDS, "datagrams that arrived; drops %s, %s" % (
            dropped(gateway), dropped(other)))
        after = sent(gateway)
        more = {w: after[w] - before[w] for w in after}
        check(more[0] > 100 and more[1] > 100 and more[None] < 20, "packets of worker 0, of worker 1, and on the SA for all: %s" % more)
        wait_for("the far end's counters", lambda: sum(received(other).values()) - sum(there.values()) >= FLOWS * ROUNDS, 5)
    text = site.culvert.cli("show", "crypto", "ipsec", "sa").stdout
    check("worker: 0" in text and "worker: 1" in text, "show crypto ipsec sa names the workers")
    check_equal(site.culvert.session()["last_error"], None, "last error")


@case("a rekey of all, and a restart of the control process, under traffic: complete again, nothing lost")
def life_of_workers_SAs():
    site = two_queues("life", left_args=EACH, right_args=EACH)
    up(site)
    with Stream(site.left, site.right, site.right_address, rate=300) as s:
        for again in (site.culvert.rekey, lambda: (site.culvert.kill_daemon(), site.culvert.start())):
            old = {f["inbound"]["spi"] for f in flows(site.culvert).values()}
            again()
            wait_for("new SAs for all and for each worker", lambda: site.culvert.is_up() and complete(site.culvert) and
                     not old & {f["inbound"]["spi"] for f in flows(site.culvert).values()}, 40)
        time.sleep(1)
    check(s.sent > 300, "only %d packets sent" % s.sent)
    check_equal(s.lost, 0, "lost of %d (missing %s; drops %s, %s)" % (s.sent, s.missing, dropped(site.culvert), dropped(site.peer)))
    check_equal(ping(site.left, site.right_address, 5), (5, 5), "pings")
    return "%d packets" % s.sent


@case("fewer workers at the far end: as many SAs as it has workers for, and no error")
def fewer_there():
    site = two_queues("fewer", left_args={"ipsec_profile": PER_WORKER, "workers": 3}, right_args=EACH)
    site.culvert.up()
    wait_for("the SAs of two workers", lambda: sorted(flows(site.culvert), key=str) == [0, 1, None], 20)
    check_equal(ping(site.left, site.right_address, 3)[1], 3, "pings")
    time.sleep(2)
    check_equal(sorted(flows(site.culvert), key=str), [0, 1, None], "workers with an SA")
    check("TS_MAX_QUEUE" in site.peer.log_text(), "the far end says TS_MAX_QUEUE")
    check_equal(site.culvert.session()["last_error"], None, "last error")
    check_equal(datagrams(site, site.left, site.right, site.right_address), FLOWS * ROUNDS, "datagrams, those of the third worker, too")


@case("a worker is added by a reload under traffic, leaves, and comes again by command: the same SAs, nothing lost, and it takes its share")
def a_worker_comes_and_goes():
    site = two_queues("comes", workers="1 queues 2", left_args=WIDE, right_args={"workers": 2, **WIDE})
    site.culvert.up()
    check_equal(ping(site.left, site.right_address, 3)[1], 3, "pings")
    spis = {f["inbound"]["spi"] for f in site.culvert.session()["flows"]}
    with Stream(site.left, site.right, site.right_address, rate=300) as s:
        for add, remove in ((lambda: reconfigure(site.culvert, "2 queues 2"), lambda: reconfigure(site.culvert, "1 queues 2")),
                            (lambda: site.culvert.cli("platform", "workers", "2"), lambda: site.culvert.cli("platform", "workers", "1"))):
            add()
            wait_workers(site.culvert, 2)
            wait_for("half of the buckets with each", lambda: buckets_of(site.culvert) == ([32, 32], False), 20)
            before = workers_of(site.culvert)[1]
            check_equal(datagrams(site, site.left, site.right, site.right_address), FLOWS * ROUNDS, "datagrams; drops %s, %s" % (
                dropped(site.culvert), dropped(site.peer)))
            after = workers_of(site.culvert)[1]
            check(after["running"] and after["rx_packets"] - before["rx_packets"] > 100,
                  "packets that the added worker received: %d" % (after["rx_packets"] - before["rx_packets"]))
            remove()
            wait_workers(site.culvert, 1)
            check_equal(buckets_of(site.culvert)[0], [64, 0], "buckets when it has left")
        time.sleep(1)
    check(s.sent > 300, "only %d packets sent" % s.sent)
    check_equal(s.lost, 0, "lost of %d (missing %s; drops %s, %s)" % (s.sent, s.missing, dropped(site.culvert), dropped(site.peer)))
    check_equal({f["inbound"]["spi"] for f in site.culvert.session()["flows"]}, spis, "SAs")
    check("takes effect when culvert-dp is started" not in site.culvert.log_text(), "the log asks for no restart")
    return "%d packets" % s.sent


@case("per-worker, and a worker is added: the peer is asked for its SA; fewer workers than at first are refused, and all goes on")
def an_added_workers_SA():
    site = two_queues("added", workers="1 queues 2", left_args={"ipsec_profile": PER_WORKER}, right_args=EACH)
    site.culvert.up()
    check_equal(ping(site.left, site.right_address, 3)[1], 3, "pings")
    wait_for("the SA of one worker", lambda: sorted(flows(site.culvert), key=str) == [0, None], 20)
    reconfigure(site.culvert, "2 queues 2")
    wait_for("an SA for the second worker", lambda: complete(site.culvert), 20)
    check_equal(datagrams(site, site.left, site.right, site.right_address), FLOWS * ROUNDS, "datagrams")
    reconfigure(site.peer, "1")
    wait_for("the refusal", lambda: "goes on with 2 workers" in site.peer.log_text(), 10)
    check_equal(len(workers_of(site.peer)), 2, "workers of the peer")
    check_equal(ping(site.left, site.right_address, 3)[1], 3, "pings")


def usable():
    """The processors that this process may use, also those that it was not given."""
    was = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count()))
    more = os.sched_getaffinity(0)
    os.sched_setaffinity(0, was)
    return sorted(more)


def alone_on(gateway, cpu):
    """How many threads of its data plane may run on this processor and on no other."""
    n = 0
    for pid in gateway.pids("culvert-dp"):
        for task in os.listdir("/proc/%d/task" % pid):
            n += os.sched_getaffinity(int(task)) == {cpu}
    return n


@case("lcores: a worker is added on the processor that the list names, though culvert was not started with it; one that there is not is named, and all goes on")
def named_processors():
    was, cpus = os.sched_getaffinity(0), usable()
    if len(cpus) < 2:
        return "not tried: there is one processor"
    os.sched_setaffinity(0, cpus[:1])
    try:
        site = two_queues("lcores", workers="lcores %d queues 3" % cpus[0], left_args=WIDE, right_args={"workers": 2, **WIDE})
    finally:
        os.sched_setaffinity(0, was)
    site.culvert.up()
    check_equal(ping(site.left, site.right_address, 3)[1], 3, "pings")
    check_equal(alone_on(site.culvert, cpus[1]), 0, "threads on the other processor before")
    reconfigure(site.culvert, "lcores %d,%d queues 3" % tuple(cpus[:2]))
    wait_workers(site.culvert, 2)
    check_equal(alone_on(site.culvert, cpus[1]), 1, "threads on the other processor")
    reconfigure(site.culvert, "lcores %d,%d,1023 queues 3" % tuple(cpus[:2]))
    refusal = "3 workers: processor 1023 of `lcores` is not one that this process may use"
    wait_for("the refusal", lambda: refusal in site.culvert.log_text(), 10)
    check_equal(len(workers_of(site.culvert)), 2, "workers")
    check_equal(datagrams(site, site.left, site.right, site.right_address), FLOWS * ROUNDS, "datagrams; drops %s, %s" % (
        dropped(site.culvert), dropped(site.peer)))


@case("strongSwan without RFC 9611: one child, whoever begins")
def peer_without_it():
    for first in ("culvert", "strongswan"):
        site = strongswan_site("one-" + first, culvert_args=EACH)
        site.culvert.up() if first == "culvert" else site.peer.initiate()
        site.culvert.wait_up()
        check_equal(datagrams(site, site.left, site.right, site.right_address), FLOWS * ROUNDS, "datagrams")
        check_equal(list(flows(site.culvert)), [None], "workers with an SA")
        check_equal(len(site.peer.children()), 1, "strongSwan's children")
        check_equal(site.culvert.session()["last_error"], None, "last error")
        site.culvert.rekey()
        time.sleep(2)
        check_equal(ping(site.left, site.right_address, 5), (5, 5), "pings after a rekey")
        check_equal(list(flows(site.culvert)), [None], "workers with an SA after a rekey")
        site.lab.close()


def children_of(peer):
    """The SPIs that strongSwan sends on."""
    return {int(c["spi-out"], 16) for c in peer.installed()}


@case("strongSwan 6 with per_cpu_sas: an SA for each worker beside the one for all, which stay so over rekeys by either end, of children and of the IKE SA")
def peer_with_it():
    if (strongswan.release(strongswan.newest()) or (0,)) < (6,):
        raise Skip("strongSwan %s has no per-CPU SAs; STRONGSWAN names the prefix of another" % ".".join(
            str(n) for n in strongswan.release(strongswan.newest()) or "?"))
    site = strongswan_site("six", culvert_args=EACH, strongswan_args={"children": "per_cpu_sas = yes"}, prefix=strongswan.newest(), start=False)
    start_on_two(site.culvert)
    site.peer.start(site.peer_conf)

    def same_at_both():
        return complete(site.culvert) and {f["inbound"]["spi"] for f in flows(site.culvert).values()} == children_of(site.peer)

    site.culvert.up()
    wait_for("an SA for all and two of workers, at both ends", same_at_both, 20)
    for what, again in (("nothing", None), ("culvert's rekey of all", site.culvert.rekey), ("strongSwan's of children", lambda: site.peer.rekey(child="site")),
                        ("strongSwan's of the IKE SA", lambda: site.peer.rekey(ike="site"))):
        old = children_of(site.peer)
        if again:
            again()
        if again and "IKE" not in what:
            wait_for("three others after %s" % what, lambda: same_at_both() and not old & children_of(site.peer), 30)
        time.sleep(1)
        check(same_at_both(), "after %s: %s, and strongSwan's %s" % (what, flows(site.culvert), children_of(site.peer)))
        before = sent(site.culvert)
        check_equal(datagrams(site, site.left, site.right, site.right_address), FLOWS * ROUNDS, "datagrams after %s" % what)
        more = {w: n - before[w] for w, n in sent(site.culvert).items()}
        check(more[0] + more[1] > FLOWS * ROUNDS * 9 // 10, "after %s, packets of worker 0, of worker 1, and on the SA for all: %s" % (what, more))
        check_equal(ping(site.left, site.right_address, 5), (5, 5), "pings after %s" % what)
    check_equal(site.culvert.session()["last_error"], None, "last error")


if __name__ == "__main__":
    main()
