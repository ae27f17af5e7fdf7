#!/usr/bin/python3
"""The crypto device of a running culvert-dp fails under traffic: its SAs go on in software, the tunnel to strongSwan stays, what was not in the
device is not lost, order is kept, and no IV serves two packets."""
import os
import time

from capture import Capture, ivs_are_single
from case import Skip, add_case, check, check_equal, main
from culvert import BUILD, CBC, GCM
from net import wait_for
from topology import strongswan_site
from traffic import Stream, carried, ping_until

SHIM = os.path.join(BUILD, "tests", "system", "cdev_fault.so")
RATE = 400
STALL_MS = 200  # CDEV_STALL_MS
IV_LEN = {GCM.name: 8, CBC.name: 16}
SAYS = {"hang": "it gave no packets back any more", "errors": "it gave packets back with errors",
        "event": "its driver reported an error", "remove": "it is to be removed"}


class Fault:
    """What the shim is told, once, and whether it is done."""

    def __init__(self, site):
        self.file = site.lab.path("fail")
        site.culvert.env.update({"LD_PRELOAD": SHIM, "CULVERT_TEST_CDEV_FAULT": self.file})

    def do(self, kind):
        """The shim looks all the time, and takes a file that is still empty away: it has to be there whole."""
        with open(self.file + ".new", "w") as f:
            f.write(kind)
        os.rename(self.file + ".new", self.file)
        wait_for("the failure", lambda: os.path.exists(self.file + ".done"), 5)

    def at_the_end(self):
        """Of hang-end: (ms from the first packet in the device until it was stopped, packets in it then)."""
        return tuple(wait_for("the device to be stopped", self._stopped, 5))

    def _stopped(self):
        try:
            with open(self.file + ".stopped") as f:
                text = f.read()
        except FileNotFoundError:
            return None
        return [int(word) for word in text.split()] if text.endswith("\n") else None


def up(site):
    fault = Fault(site)
    site.culvert.start()
    site.peer.start(site.peer_conf)
    site.culvert.up()
    site.culvert.wait_up()
    ping_until(site.left, site.right_address, 5)
    return fault


def fails(kind, device, transform, workers):
    site = strongswan_site("cdev-fails", transform, start=False, culvert_args={"engine": device, "workers": workers})
    with site.lab:
        fault = up(site)
        before = site.culvert.session()["flows"][0]
        check_equal([before[w]["engine"] for w in ("inbound", "outbound")], ["cryptodev"] * 2, "engines before")
        wire = Capture(site.peer_ns, "out0")
        with Stream(site.left, site.right, site.right_address, RATE) as there:
            with Stream(site.right, site.left, site.left_address, RATE) as back:
                carried((there, back), RATE)
                fault.do(kind)
                carried((there, back), RATE * 2)
        drops = site.culvert.drops()
        after = site.culvert.session()["flows"][0]
        log = site.culvert.log_text()
        packets = ivs_are_single(wire.stop(), "192.0.2.1", IV_LEN[transform.name])
        check(packets > RATE * 2, "only %d ESP packets on the wire" % packets)
        # The same SAs, on software, and the log says why.
        check_equal((after["inbound"]["spi"], after["outbound"]["spi"]), (before["inbound"]["spi"], before["outbound"]["spi"]), "SPIs")
        for way in ("inbound", "outbound"):
            check(after[way]["engine"] in ("vaes", "ipsecmb"), "%s is worked on by %s" % (way, after[way]["engine"]))
            check_equal(after[way]["engine_fallback"]["reason"], "device-failed", "%s's reason" % way)
        check(SAYS[kind] in log, "the log does not say '%s'" % SAYS[kind])
        check_equal(log.count("software works on all SAs from now on"), 1, "times the log says it")
        check("unconfigured device" not in log, "the device was called after it had been stopped")
        # What is lost was in the device, and is counted; nothing else, but for a moment's scheduling of this machine.
        in_device = drops["crypto-lost"] + drops["crypto"]
        lost = there.lost + back.lost
        check(lost <= in_device + 8, "%d packets lost, %d were in the device" % (lost, in_device))
        for name, s in (("there", there), ("back", back)):
            check(s.sent > RATE * 2, "%s: only %d sent" % (name, s.sent))
            check_equal((s.duplicates, s.out_of_order), (0, 0), "%s: duplicates, out of order" % name)
            check(s.longest_gap_s < 1, "%s: nothing for %.2f s" % (name, s.longest_gap_s))
        if kind in ("event", "remove"):
            check(in_device <= 64 * workers, "%d packets were in a device that works" % in_device)
        check_equal((drops["esp-auth"], drops["replay-dup"], drops["crypto-full"]), (0, 0, 0), "other drops")
        # New SAs are software's.
        site.culvert.rekey()
        ping_until(site.left, site.right_address, 5)
        site.culvert.down()
        site.culvert.wait_down()
        if kind == "remove":
            wait_for("the device to be given back", lambda: "is given back" in site.culvert.log_text(), 40)
        check_equal(site.culvert.stop(), 0, "culvertd's exit status")
        return "%d of %d packets lost, %d were in the device; longest gap %.2f s" % (
            lost, there.sent + back.sent, in_device, max(there.longest_gap_s, back.longest_gap_s))


def hangs_as_culvertd_ends(workers):
    """culvertd is told to end while the device hangs: the SAs that it takes away have packets in it."""
    site = strongswan_site("cdev-exit", GCM, start=False, culvert_args={"engine": "cryptodev crypto_openssl", "workers": workers})
    with site.lab:
        fault = up(site)
        with Stream(site.left, site.right, site.right_address, RATE) as s:
            carried((s,), RATE // 2)
            fault.do("hang")
            began = time.monotonic()
            check_equal(site.culvert.stop(), 0, "culvertd's exit status")
            took = time.monotonic() - began
        check(took < 8, "the end took %.1f s" % took)
        check("unconfigured device" not in site.culvert.log_text(), "the device was called after it had been stopped")
        return "ended in %.1f s" % took


def hangs_at_exit(workers):
    """culvert-dp is told to end in the very call that puts the first packet into a hanging device: it waits for the device as long as it
    would for any, and then stops it."""
    site = strongswan_site("cdev-end", GCM, start=False, culvert_args={"engine": "cryptodev crypto_openssl", "workers": workers})
    with site.lab:
        fault = up(site)
        pid, = site.culvert.pids("culvert-dp")
        with Stream(site.left, site.right, site.right_address, RATE) as s:
            carried((s,), RATE // 2)
            fault.do("hang-end")
            waited, held = fault.at_the_end()
            ended = "culvert-dp (pid %d) ended: " % pid
            wait_for("culvert-dp's end", lambda: ended in site.culvert.log_text(), 8)
        log = site.culvert.log_text()
        check(ended + "exit status 0\n" in log, "how it ended: %s" % log[log.index(ended):].splitlines()[0])
        check(held > 0, "no packet was in the device")
        check(waited > STALL_MS / 2, "the device was stopped after %d ms, with %d packets in it" % (waited, held))
        check("unconfigured device" not in log, "the device was called after it had been stopped")
        check_equal(site.culvert.stop(), 0, "culvertd's exit status")
        return "stopped after %d ms with %d packets in it" % (waited, held)


def needs_shim(do, *args):
    if not os.path.exists(SHIM):
        raise Skip("%s is not built" % SHIM)
    return do(*args)


OPENSSL, MB = "cryptodev crypto_openssl", "cryptodev crypto_aesni_mb look-aside"
for kind_, device_, transform_, workers_ in (("hang", OPENSSL, GCM, 1), ("hang", OPENSSL, CBC, 2), ("hang", MB, GCM, 1), ("errors", OPENSSL, GCM, 1),
                                             ("event", MB, CBC, 2), ("event", OPENSSL, GCM, 1), ("remove", OPENSSL, GCM, 1),
                                             ("remove", MB, GCM, 2)):
    add_case("%s: %s, %s, workers %d" % (kind_, device_, transform_.name, workers_),
             lambda a=(kind_, device_, transform_, workers_): needs_shim(fails, *a))
for workers_ in (1, 2):
    add_case("a hung device at the end of culvert-dp, workers %d" % workers_, lambda n=workers_: needs_shim(hangs_at_exit, n))
    add_case("a hung device at the end of culvertd, workers %d" % workers_, lambda n=workers_: needs_shim(hangs_as_culvertd_ends, n))

if __name__ == "__main__":
    main()
