"""The device families of devices/*.ini: what each is called, which PCI ids belong to it, how it is bound.

[platform] has lines that stand together under `platform dataplane`; further sections [platform: WHEN] have those of other cases.
[pci] denied_ids are those that the kernel keeps from vfio-pci unless it is told otherwise.
bind = user: bound to vfio-pci and the like; never: works beside its kernel driver; vf: only its virtual functions are bound.
"""
import configparser
import os
import re

from machine import Trouble

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "devices")
SECTIONS = {"family": ("name", "title", "bind"), "pci": ("ids",), "kernel": ("modules", "firmware", "see"), "vf": ("create",),
            "limits": ("queues", "flows", "mtu"), "ipsec": ("inline", "rss_esp", "steering"), "platform": ("lines",),
            "sources": ("documented", "tried")}
BIND = ("user", "never", "vf")


class Family:
    def __init__(self, path):
        ini = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        try:
            with open(path) as f:
                ini.read_file(f)
        except (OSError, configparser.Error) as e:
            raise Trouble("%s: %s" % (path, str(e).splitlines()[0]))
        for section, keys in SECTIONS.items():
            for key in keys:
                if not ini.get(section, key, fallback="").strip():
                    raise Trouble("%s: [%s] wants a line %s = ..." % (path, section, key))
        self.path, self.ini = path, ini
        self.name, self.title, self.bind = (ini["family"][k] for k in ("name", "title", "bind"))
        if self.bind not in BIND:
            raise Trouble("%s: bind = %s: expected %s" % (path, self.bind, ", ".join(BIND)))
        self.ids = re.findall(r"\b[0-9a-f]{4}:[0-9a-f]{4}\b", ini["pci"]["ids"])
        self.denied_ids = re.findall(r"\b[0-9a-f]{4}:[0-9a-f]{4}\b", ini.get("pci", "denied_ids", fallback=""))
        self.pf_ids = re.findall(r"\b[0-9a-f]{4}:[0-9a-f]{4}\b", ini.get("pci", "pf_ids", fallback=""))

    def platforms(self):
        """(section, lines) of each case."""
        return [(s, self.ini[s]["lines"].strip().splitlines()) for s in self.ini.sections() if s.split(":")[0] == "platform"]

    def is_pf(self, device):
        return device.ids in self.pf_ids


def load(folder=FOLDER):
    return [Family(os.path.join(folder, n)) for n in sorted(os.listdir(folder)) if n.endswith(".ini")]


def family_of(families, device):
    for f in families:
        if device.ids in f.ids or device.ids in f.pf_ids:
            return f
    return None
