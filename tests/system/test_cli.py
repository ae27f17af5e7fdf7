#!/usr/bin/python3
"""The outside of the programs: exit statuses, culvert check, every show command, reload, privileges."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from case import case, check, check_equal, main  # noqa: E402
from culvert import BUILD, ROOT, Culvert, config  # noqa: E402
from net import Lab, wait_for  # noqa: E402
from traffic import ping  # noqa: E402

CLIENT = os.path.join(BUILD, "culvert")
SHOWS = ("show crypto session", "show crypto session detail", "show crypto ikev2 sa", "show crypto ikev2 sa detailed",
         "show crypto ipsec sa", "show crypto ipsec sa count", "show interfaces", "show ip route", "show platform dataplane", "show platform steering", "show platform memory",
         "show crypto isakmp sa", "show crypto isakmp sa detail", "show crypto isakmp sa count", "show crypto isakmp key",
         "show crypto isakmp profile", "show crypto isakmp policy", "show crypto isakmp default policy",
         "show crypto isakmp peers", "show crypto ikev2 profile", "show crypto ikev2 policy", "show crypto ikev2 proposal",
         "show crypto map", "show crypto ipsec profile", "show crypto ipsec transform-set", "show crypto decisions",
         "show access-lists", "show vrf", "show debugging", "show crypto debug-condition")
# What prints nothing while there is nothing to tell of.
MAY_BE_EMPTY = ("show crypto isakmp peers", "show crypto isakmp profile", "show access-lists", "show crypto decisions")


def client(*args, **kw):
    return subprocess.run([CLIENT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=20, **kw)


def gateway(text=None):
    """culvert alone in a namespace, with a host on either side."""
    lab = Lab("cli")
    gw, inside, outside = lab.ns("gw"), lab.ns("inside"), lab.ns("outside")
    lab.veth(gw, "in0", inside, "eth0")
    lab.veth(gw, "out0", outside, "eth0")
    lab.bare_port(gw, "in0")
    lab.bare_port(gw, "out0")
    inside.address("eth0", "10.1.0.2/24")
    inside.route("default", "10.1.0.1")
    outside.address("eth0", "192.0.2.2/24")
    c = Culvert(gw, text or config())
    c.inside, c.outside = inside, outside
    return c


@case("culvert check takes the examples and the README's ten lines")
def check_examples():
    for name in ("site-to-site.conf", "ipv6-map.conf"):
        r = client("--json", "check", os.path.join(ROOT, "docs", "examples", name))
        check_equal(r.returncode, 0, "exit status for %s: %s%s" % (name, r.stdout, r.stderr))
        report = json.loads(r.stdout)
        check_equal(report["errors"], 0, "errors in %s: %s" % (name, report["findings"]))
    with open(os.path.join(ROOT, "README.md")) as f:
        ten = re.search(r"((?:^    .*\n)*^    crypto ikev2 keyring(?:.*\n(?:    .*\n)*))", f.read(), re.M).group(1)
    ten = "\n".join(line[4:] for line in ten.splitlines() if line.startswith("    "))
    check("pre-shared-key" in ten and len(ten.splitlines()) >= 10, "the README's lines: %r" % ten)
    rest = config()
    head, tail = rest[:rest.index("crypto ikev2 proposal")], rest[rest.index("interface Ethernet0/0"):]
    lab = Lab("cli")
    r = client("--json", "check", lab.write("readme.conf", head + ten + "\n" + tail))
    check_equal(r.returncode, 0, "exit status for the README's lines: %s%s" % (r.stdout, r.stderr))


@case("culvert check names every mistake of a file in one go, with line and remedy")
def check_mistakes():
    lab = Lab("cli")
    good = config()
    bad = good.replace(" encryption aes-gcm-128", " encryption aes-gcm-129").replace(
        " keyring local KR", " keyring local NOWHERE").replace(" ip address 10.1.0.1 255.255.255.0",
                                                               " ip address 10.1.0.1 255.0.255.0")
    lines = [i for i, (a, b) in enumerate(zip(good.splitlines(), bad.splitlines()), 1) if a != b]
    check_equal(len(lines), 3, "mistakes made")
    path = lab.write("bad.conf", bad)
    r = client("--json", "check", path)
    check_equal(r.returncode, 1, "exit status")
    report = json.loads(r.stdout)
    check_equal(report["file"], path, "file")
    named = {f["line"] for f in report["findings"] if f["severity"] == "error"}
    check(set(lines) <= named, "lines with mistakes %s, lines named %s" % (lines, sorted(named)))
    check(report["errors"] >= 3, "number of errors: %d" % report["errors"])
    for f in report["findings"]:
        check(f["rule"] and f["text"], "a finding without rule or text: %s" % f)
        if f["severity"] == "error":
            check(f["remedy"], "an error without remedy: %s" % f)
    r = client("check", path)
    check(":%d:" % lines[0] in r.stdout + r.stderr, "the text form names the line: %s%s" % (r.stdout, r.stderr))


@case("exit statuses: 2 for wrong usage and bad input, 3 without a daemon")
def exit_statuses():
    lab = Lab("cli")
    r = client("--run-dir", lab.mkdir("nobody"), "show", "crypto", "session")
    check_equal(r.returncode, 3, "without a daemon")
    check(r.stderr.startswith("culvert: ") and r.stderr.count("\n") == 1, "one line of error: %r" % r.stderr)
    check_equal(client("--run-dir", lab.mkdir("nobody"), "frobnicate").returncode, 2, "an unknown command")
    check_equal(client("--no-such-option").returncode, 2, "an unknown option")
    check_equal(client("check", lab.path("no-such-file")).returncode in (1, 2), True, "check of no file")
    for program in ("culvertd", "culvert-dp"):
        r = subprocess.run([os.path.join(BUILD, program), "--no-such-option"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20)
        check_equal(r.returncode, 2, "%s with an unknown option: %s" % (program, r.stderr))
    path = lab.write("bad.conf", config().replace(" group 19", " group 99"))
    os.chmod(lab.dir, 0o711)
    r = subprocess.run([os.path.join(BUILD, "culvertd"), "--config", path, "--run-dir", lab.mkdir("r"), "--state-dir",
                        lab.mkdir("s"), "--foreground"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=20)
    check_equal(r.returncode, 2, "culvertd with a bad configuration: %s" % r.stdout)
    check(re.search(r"bad\.conf:\d+: ", r.stdout), "file and line: %r" % r.stdout)
    path = lab.write("dmvpn.conf", config().replace("tunnel mode ipsec ipv4", "tunnel mode gre multipoint"))
    r = subprocess.run([os.path.join(BUILD, "culvertd"), "--config", path, "--run-dir", lab.mkdir("r"), "--state-dir",
                        lab.mkdir("s"), "--foreground"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=20)
    check_equal(r.returncode, 2, "culvertd with a tunnel that is not built: %s" % r.stdout)
    check(re.search(r"dmvpn\.conf:\d+: .*gre multipoint.*, use: tunnel mode ipsec ipv4", r.stdout), "line and remedy: %r" % r.stdout)


@case("every show command, as text and as JSON; abbreviations")
def shows():
    c = gateway().start()
    for command in SHOWS:
        r = c.cli(*command.split(), check=False)
        check_equal(r.returncode, 0, "%s: %s" % (command, r.stderr))
        check(r.stdout.strip() or " sa" in command or command in MAY_BE_EMPTY, "%s printed nothing" % command)
        check(isinstance(c.json(*command.split()), dict), "%s --json is no object" % command)
    check_equal(c.cli("sh", "cry", "ses", "det").stdout, c.cli("show", "crypto", "session", "detail").stdout,
                "an abbreviated command")
    s = c.session()
    for key in ("interface", "profile", "status", "peer", "local", "ike_version", "initiator", "nat", "uptime_s",
                "last_error", "flows"):
        check(key in s, "key %s of a session" % key)
    check(s["status"].startswith("DOWN"), "status of an idle tunnel: %s" % s["status"])
    dataplane = c.json("show", "platform", "dataplane")
    for key in ("workers", "ports", "drops", "crypto"):
        check(key in dataplane, "key %s of show platform dataplane" % key)
    check_equal(len(dataplane["ports"]), 2, "ports")
    check_equal(len(dataplane["workers"]), 1, "workers")


@case("the gateway answers ARP and ping, pings itself, and counts")
def gateway_pings():
    c = gateway().start()
    check_equal(ping(c.inside, "10.1.0.1", 5), (5, 5), "pings of the inside address")
    check_equal(ping(c.outside, "192.0.2.1", 5), (5, 5), "pings of the outside address")
    r = c.cli("ping", "10.1.0.2", "source", "Ethernet0/1", check=False)
    check_equal(r.returncode, 0, "culvert ping of a host that is there: %s%s" % (r.stdout, r.stderr))
    r = c.cli("ping", "10.1.0.77", "source", "Ethernet0/1", check=False, timeout=60)
    check_equal(r.returncode, 1, "culvert ping of a host that is not: %s%s" % (r.stdout, r.stderr))
    check(c.json("show", "platform", "dataplane")["workers"][0]["rx_packets"] >= 10, "packets of the worker")


def http(c, request):
    """A raw request to culvertd's metrics; the whole answer."""
    script = ("import socket,sys\n"
              "s = socket.create_connection(('127.0.0.1', 9469), 5)\n"
              "s.sendall(%r)\n"
              "while True:\n"
              "    d = s.recv(65536)\n"
              "    if not d: break\n"
              "    sys.stdout.write(d.decode())\n" % request)
    return c.ns.run("/usr/bin/python3", "-c", script, timeout=20).stdout


@case("metrics: figures for Prometheus, nothing else, and no name of a peer")
def metrics():
    c = gateway().start(options=("--metrics", "127.0.0.1:9469"))
    c.ns.run("ip", "link", "set", "lo", "up")
    c.cli("up", "Tunnel1", "--timeout", "3", check=False)
    ping(c.inside, "10.2.0.2", 3, wait=1)
    text = http(c, b"GET /metrics HTTP/1.0\r\n\r\n")
    head, page = text.split("\n\n", 1)  # read as text
    check("200 OK" in head and "text/plain; version=0.0.4" in head, head)
    values = {}
    for line in page.splitlines():
        if not line.startswith("#"):
            m = re.fullmatch(r"(culvert_[a-z0-9_]+(?:\{[^{}]*\})?) (\d+)", line)
            check(m and m.group(1) not in values, "the line %r" % line)
            values[m.group(1)] = int(m.group(2))
    check_equal(values["culvert_dataplane_up"], 1, "the data plane")
    check_equal(values['culvert_drops_total{reason="no-sa"}'], c.drops()["no-sa"], "drops without an SA")
    check(values["culvert_ike_datagrams_out_total"] > 0, "datagrams sent")
    check_equal(sum(v for k, v in values.items() if k.startswith("culvert_sessions{")), 1, "sessions")
    lost = c.json("show", "interfaces", "Tunnel1")["interfaces"][0]["drops"]
    check_equal(values['culvert_interface_drops_total{interface="Tunnel1",direction="out",reason="no-sa"}'], c.drops()["no-sa"], "the tunnel's")
    check_equal((lost["output"]["no-sa"], sum(lost["input"].values())), (c.drops()["no-sa"], 0), "drops of Tunnel1, shown")
    check("     %d output drops: %d no-sa\n" % (c.drops()["no-sa"], c.drops()["no-sa"]) in c.cli("show", "interfaces", "Tunnel1").stdout, "in text")
    check_equal([k for k in values if k.startswith("culvert_interface_drops_total{") and "Tunnel1" not in k], [], "drops of others")
    check_equal(values['culvert_interface_tx_packets_total{interface="Tunnel1"}'], 0, "sent into the tunnel")
    check(values['culvert_interface_rx_packets_total{interface="Ethernet0/1"}'] >= 3, "received by the inner port")
    check("192.0.2.2" not in page, "the peer's address")
    check("404" in http(c, b"GET /etc/passwd HTTP/1.0\r\n\r\n").splitlines()[0], "another page")
    for bad in (b"POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n", b"GET /metrics HTTP/1.0\r\nA: " + b"a" * 9000 + b"\r\n\r\n"):
        check("200 OK" not in http(c, bad), "what %r gets" % bad[:20])
    check_equal(c.cli("show", "crypto", "session").returncode, 0, "the daemon afterwards")


@case("a protected route without an SA drops, names the reason, and sends nothing in clear")
def fails_closed():
    c = gateway().start()
    c.outside.start("watch", "tcpdump", "--immediate-mode", "-ni", "eth0", "-U", "-w", c.lab.path("watch.pcap"), "net", "10.0.0.0/8")
    wait_for("tcpdump", lambda: os.path.exists(c.lab.path("watch.pcap")), 5)
    check_equal(ping(c.inside, "10.2.0.2", 5, wait=1)[1], 0, "answers")
    time.sleep(0.3)
    check_equal(c.outside.run("tcpdump", "-nr", c.lab.path("watch.pcap")).stdout, "", "packets in clear")
    check(c.drops().get("no-sa", 0) >= 5, "no-sa counted: %s" % c.drops())


@case("up of a tunnel whose peer is silent: exit 1, reason timeout")
def up_times_out():
    c = gateway().start()
    c.outside.run("ip", "addr", "del", "192.0.2.2/24", "dev", "eth0")
    r = c.cli("up", "Tunnel1", "--timeout", "4", check=False)
    check_equal(r.returncode, 1, "exit status")
    check("timeout" in r.stdout + r.stderr, "the reason: %r" % (r.stdout + r.stderr))
    check_equal(c.cli("up", "Tunnel77", check=False).returncode in (1, 2), True, "up of no tunnel")


def follow(c, *words):
    """culvert debug ... beside; its lines are in a file."""
    return c.ns.start("follow", CLIENT, "--run-dir", c.run_dir, "debug", *words)


def followed(process):
    with open(process.log_path) as f:
        return f.read()


@case("debug streams while a peer is silent, Ctrl-C ends it with 0; TS-1 is told after some seconds")
def debug_streams():
    c = gateway().start()
    p = follow(c, "crypto", "ikev2", "detail")
    wait_for("debugging to be on", lambda: "debugging is on" in followed(p), 5)
    check("internals" in c.cli("show", "debugging").stdout, "show debugging names it")
    c.cli("up", "Tunnel1", "--timeout", "7", check=False)
    text = followed(p)
    for part in ("Sending Packet [To 192.0.2.2:500/From 192.0.2.1:500/VRF Global]", "IKE_SA_INIT request",
                 "Payload contents: SA KE Ni", "Retransmitting Packet", "profile: PF (PF-1)"):
        check(part in text, "%r in what debug shows: %s" % (part, text))
    for line in text.splitlines()[1:]:
        check(re.match(r"\*[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\.\d{3}: ((IKEv2|IPSEC):\(\d+\): +\S|%[A-Z]+-\d-)", line),
              "the form of %r" % line)
    diagnosis = c.session()["diagnosis"]
    check(diagnosis and diagnosis["rule"] == "TS-1" and "UDP 500" in diagnosis["text"], "diagnosis: %s" % diagnosis)
    check("Diagnosis: TS-1" in c.cli("show", "crypto", "session", "detail").stdout, "the diagnosis as text")
    decisions = c.json("show", "crypto", "decisions", "peer", "192.0.2.2")["decisions"]
    check(decisions and all(d["peer"] == "192.0.2.2" for d in decisions), "decisions by peer: %s" % decisions)
    p.send_signal(signal.SIGINT)
    check_equal(p.wait(5), 0, "exit status after Ctrl-C")
    check("0 clients" in c.cli("show", "debugging").stdout, "nobody follows any more")


@case("debug conditions: another peer's are not shown; undebug ends everybody's; --seconds ends one's own")
def debug_conditions():
    c = gateway().start()
    c.cli("debug", "crypto", "condition", "peer", "ipv4", "192.0.2.99")
    check("peer ipv4 192.0.2.99" in c.cli("show", "crypto", "debug-condition").stdout, "the condition is shown")
    p = follow(c, "crypto", "ikev2")
    wait_for("debugging to be on", lambda: "debugging is on" in followed(p), 5)
    c.cli("up", "Tunnel1", "--timeout", "3", check=False)
    check_equal(followed(p).count("\n"), 1, "lines of a peer that is not asked for")
    c.cli("debug", "crypto", "condition", "reset")
    c.cli("clear", "crypto", "session")
    c.cli("up", "Tunnel1", "--timeout", "3", check=False)
    check("Sending Packet" in followed(p), "lines without the condition: %s" % followed(p))
    c.cli("undebug", "all")
    check_equal(p.wait(5), 0, "exit status after undebug")
    check_equal(c.cli("debug", "crypto", "isakmp", "--seconds", "1").returncode, 0, "exit status after its seconds")


@case("in the shell debug lines come above the prompt while it waits, and the begun line is kept")
def debug_in_the_shell():
    c = gateway().start()
    master, slave = pty.openpty()
    p = subprocess.Popen(["ip", "netns", "exec", c.ns.name, CLIENT, "--run-dir", c.run_dir], stdin=slave, stdout=slave,
                         stderr=slave, start_new_session=True, env=dict(os.environ, TERM="xterm"))
    os.close(slave)
    seen = []

    def read():
        while select.select([master], [], [], 0.05)[0]:
            seen.append(os.read(master, 65536).decode(errors="replace"))
        return "".join(seen)

    try:
        wait_for("the prompt", lambda: "culvert#" in read(), 5)
        os.write(master, b"debug crypto ikev2\n")
        wait_for("debugging to be on", lambda: "IKEv2 debugging is on" in read(), 5)
        os.write(master, b"show ver")
        c.cli("up", "Tunnel1", "--timeout", "3", check=False)
        check("Sending Packet [To 192.0.2.2:500" in read(), "lines while nothing runs: %r" % read())
        after = read()[read().rindex("Message id"):]
        check("culvert#show ver" in re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", after), "the begun line is drawn again: %r" % after)
        os.write(master, b"\n")
        wait_for("the begun command to run", lambda: "uptime is" in read(), 5)
        os.write(master, b"undebug all\n")
        wait_for("debugging to be off", lambda: "turned off" in read(), 5)
        os.write(master, b"exit\n")
        check_equal(p.wait(5), 0, "exit status of the shell")
    finally:
        p.kill()
        os.close(master)


@case("ping takes an interface as source, abbreviated, in IOS's word order")
def ping_source():
    c = gateway(config(extra="interface Loopback0\n ip address 10.1.77.1 255.255.255.0")).start()
    c.inside.run("ip", "route", "add", "10.1.77.0/24", "via", "10.1.0.1")
    r = c.cli("ping", "10.1.0.2", "source", "lo0", "repeat", "1")
    check("source address of 10.1.77.1" in r.stdout and "(1/1)" in r.stdout, "ping: %s" % r.stdout)


@case("reload: a bad file changes nothing, a good one takes effect")
def reload():
    c = gateway().start()
    c.write_config(config().replace(" group 19", " group 99"))
    r = c.cli("reload", check=False)
    check(r.returncode != 0, "reload of a bad file must fail: %s" % r.stdout)
    check(re.search(r":\d+: ", r.stdout + r.stderr), "reload names the line: %r" % (r.stdout + r.stderr))
    check_equal(ping(c.inside, "10.1.0.1", 3), (3, 3), "pings after the refused reload")
    c.write_config(config(inside="10.1.0.9").replace("tunnel mode ipsec ipv4", "tunnel mode gre multipoint"))
    r = c.cli("reload", check=False)
    check(r.returncode != 0, "reload of a file that asks for what is not built must fail: %s" % r.stdout)
    check(re.search(r":\d+: .*gre multipoint", r.stdout + r.stderr), "reload says what: %r" % (r.stdout + r.stderr))
    check_equal(ping(c.inside, "10.1.0.1", 3), (3, 3), "pings after the refused reload of an unbuilt feature")
    c.write_config(config(inside="10.1.0.9"))
    c.cli("reload")
    wait_for("the new address to answer", lambda: ping(c.inside, "10.1.0.9", 1, wait=1)[1], 10)
    check_equal(ping(c.inside, "10.1.0.1", 2, wait=1)[1], 0, "answers from the old address")
    c.write_config(config())
    os.kill(c.pids("culvertd")[0], signal.SIGHUP)
    wait_for("the old address to answer again after SIGHUP", lambda: ping(c.inside, "10.1.0.1", 1, wait=1)[1], 10)


@case("the daemon that speaks IKE runs unprivileged; sockets and state are its own")
def privileges():
    c = gateway().start()
    uids = {}
    for pid in c.pids("culvertd"):
        with open("/proc/%d/status" % pid) as f:
            uids[pid] = int(re.search(r"^Uid:\s+\d+\s+(\d+)", f.read(), re.M).group(1))
    check(any(uids.values()), "every culvertd process is root: %s" % uids)
    for folder in (c.run_dir, c.state_dir):
        for name in os.listdir(folder):
            mode = os.stat(os.path.join(folder, name)).st_mode & 0o007
            check_equal(mode, 0, "access of others to %s" % name)


@case("SIGTERM: the daemon and its data plane end, and the run directory is empty")
def sigterm():
    c = gateway().start()
    pids = c.pids("culvertd") + c.pids("culvert-dp")
    check(len(pids) >= 2, "processes: %s" % pids)
    check_equal(c.stop(), 0, "exit status")
    check_equal([p for p in pids if os.path.exists("/proc/%d" % p)], [], "processes left")
    check_equal(os.listdir(c.run_dir), [], "files left in the run directory")


if __name__ == "__main__":
    main(needs_strongswan=False)
