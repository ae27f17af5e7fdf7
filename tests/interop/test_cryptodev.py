#!/usr/bin/python3
"""Tunnels to strongSwan through crypto devices: what the device can do it does, the rest software does, traffic both ways."""
from case import add_case, check, check_equal, main
from culvert import CBC, CHACHA, GCM
from net import wait_for
from topology import strongswan_site
import traffic

# Words of `crypto-engine`, and which of the transforms the device works on.
DEVICES = {"cryptodev crypto_aesni_mb look-aside": (GCM, CBC, CHACHA), "cryptodev crypto_aesni_mb cpu": (GCM, CBC, CHACHA),
           "cryptodev crypto_aesni_gcm look-aside": (GCM,), "cryptodev crypto_openssl": (GCM, CBC), "cryptodev crypto_null": ()}


def counted(site):
    """Every packet of both SAs is one of one engine: how many the SAs have more than that engine, how many the other has, and whether it is the
    device. The data plane's figures come ten times a second."""
    flow = site.culvert.session()["flows"][0]
    device, software = (row["packets"] for row in site.culvert.json("show", "platform", "dataplane")["crypto"])
    return flow["inbound"]["packets"] + flow["outbound"]["packets"] - max(device, software), min(device, software), device > software


def tunnel(engine, transform, workers):
    site = strongswan_site("cdev", transform, culvert_args={"engine": engine, "workers": workers})
    with site.lab:
        site.culvert.up()
        site.culvert.wait_up()
        for source, target, address in ((site.left, site.right, site.right_address), (site.right, site.left, site.left_address)):
            traffic.ping_until(source, address, 5)
            sent, received = traffic.ping(source, address, 20, 0.02)
            check_equal(received, sent, "echo replies from %s" % address)
        result = traffic.iperf3(site.left, site.right, site.right_address, seconds=2)
        check(result["bytes"] > 100000, "iperf3 carried only %d octets" % result["bytes"])
        on_device = transform in DEVICES[engine]
        wait_for("engine and SAs to have counted the same packets, and the other engine none", lambda: counted(site) in
                 ((0, 0, True), (0, 0, False)), 10)
        check_equal(counted(site), (0, 0, on_device), "packets missed by the engine, packets of the other one, by the device")
        device, software = site.culvert.json("show", "platform", "dataplane")["crypto"]
        check_equal(device["engine"], "cryptodev", "the first engine")
        check_equal(device["sessions"], 2 if on_device else 0, "sessions on " + device["device"])
        check_equal(software["sessions"], 0 if on_device else 2, "sessions of software")
        flow = site.culvert.session()["flows"][0]
        for way in ("inbound", "outbound"):
            check_equal(flow[way]["engine"] == "cryptodev", on_device, "the %s SA is on the device" % way)
            check_equal(flow[way]["engine_device"], device["device"].split()[0] if on_device else None, "its device")
            check_equal((flow[way]["engine_fallback"] or {}).get("reason"), None if on_device else "transform", "its reason")
        drops = site.culvert.json("show", "platform", "dataplane")["drops"]
        for reason in ("crypto", "crypto-lost", "crypto-full", "esp-auth"):
            check_equal(drops[reason], 0, "drops for " + reason)
        site.culvert.down()
        site.culvert.wait_down()
        check_equal(len(site.peer.installed()), 0, "children that strongSwan still has after the delete")


for word in DEVICES:
    for choice in (GCM, CBC, CHACHA):
        for count in (1, 2):
            if count == 1 or choice is GCM:
                add_case("%s, %s, workers %d" % (word, choice.name, count), lambda w=word, t=choice, n=count: tunnel(w, t, n))

if __name__ == "__main__":
    main()
