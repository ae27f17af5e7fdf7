#!/usr/bin/python3
"""The Debian package: drivers of every kind come with it, every page that a page links to is in it, its tools run from where they lie."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from case import Skip, case, check, check_equal, main  # noqa: E402
from culvert import BUILD  # noqa: E402

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def unpacked(folder):
    """Makes the package and unpacks it; returns its control file."""
    if os.path.realpath(BUILD) != os.path.join(ROOT, "build") or not shutil.which("dpkg-deb") or not shutil.which("dpkg-shlibdeps"):
        raise Skip("the package is made of build/, with dpkg-dev")
    made = subprocess.run(["bash", os.path.join(ROOT, "packaging", "make_deb.sh")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300)
    check_equal(made.returncode, 0, made.stdout)
    deb = max(glob.glob(os.path.join(ROOT, "build", "culvert_*.deb")), key=os.path.getmtime)
    subprocess.run(["dpkg-deb", "-x", deb, folder], check=True, timeout=60)
    return subprocess.run(["dpkg-deb", "-f", deb, "Depends"], stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout


def links(page):
    with open(page, encoding="utf-8") as f:
        text = re.sub(r"```.*?```", "", f.read(), flags=re.S)
    return [to.split("#")[0] for to in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in to and not to.startswith("#")]


@case("the package has what it links to, depends on the drivers it uses, and its tools run")
def package():
    with tempfile.TemporaryDirectory() as d:
        depends = re.split(r"[,\s]+", unpacked(d))
        # QuickAssist's driver is in librte-meta-common, those of ccp, OpenSSL, ipsec-mb and null in librte-meta-crypto.
        for name in ("librte-meta-net", "librte-meta-crypto", "librte-meta-common", "librte-meta-mempool", "librte-meta-bus"):
            check(name in depends, f"{name} in {depends}")
        pages = glob.glob(os.path.join(d, "usr/share/doc/culvert/**/*.md"), recursive=True)
        check(len(pages) > 10, f"pages: {pages}")
        for page in pages:
            for to in links(page):
                check(os.path.exists(os.path.join(os.path.dirname(page), to)), f"{os.path.relpath(page, d)} links to {to}")
        for tool in ("bind", "hugepages", "cores"):
            path = os.path.join(d, "usr/sbin", f"culvert-{tool}")
            check_equal(subprocess.run([path, "--help"], stdout=subprocess.DEVNULL, timeout=60).returncode, 0, f"{tool} --help")


if __name__ == "__main__":
    main(needs_strongswan=False)
