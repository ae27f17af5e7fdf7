"""The reference documents' configurations, as printed, and pings that raise their tunnels."""
import json
import os

from culvert import ROOT
from net import wait_for

IOS = os.path.join(ROOT, "tests", "golden", "ios")


def text(name):
    with open(os.path.join(IOS, name)) as f:
        return f.read()


def ping(gateway, address, repeat=5, check_=False, source="Loopback0"):
    """ping from a Loopback: (sent, received)."""
    r = gateway.cli("--json", "ping", address, "source", source, "repeat", str(repeat), "timeout", "2", check=check_,
                    timeout=90)
    d = json.loads(r.stdout)
    return d["sent"], d["received"]


def raise_by_ping(site, gateway, address, timeout=30):
    def answered():
        return ping(gateway, address, 1)[1] == 1
    wait_for("an echo reply from %s" % address, answered, timeout, 0.2)
