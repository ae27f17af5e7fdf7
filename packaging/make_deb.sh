#!/usr/bin/env bash
# Makes build/culvert_VERSION_ARCH.deb from build/: the programs, a systemd unit, the documents, an example.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

version=$(sed -n "s/^ *version: '\([^']*\)'.*/\1/p" meson.build | head -1)
arch=$(dpkg --print-architecture)
stage=build/package
rm -rf "$stage"
mkdir -p "$stage/deb"/{DEBIAN,usr/sbin,usr/bin,usr/share/doc/culvert/examples,lib/systemd/system,etc/culvert} "$stage/debian"

for program in culvertd culvert-dp; do
    install -m 755 -s "$(readlink -f "build/$program")" "$stage/deb/usr/sbin/$program"
done
install -m 755 -s "$(readlink -f build/culvert)" "$stage/deb/usr/bin/culvert"
install -m 644 packaging/culvert.service "$stage/deb/lib/systemd/system/culvert.service"
install -m 644 LICENSE "$stage/deb/usr/share/doc/culvert/copyright"
# All that the pages link to, each other included; README.md stands among them here.
(cd docs && find . -type f ! -name '*.py' -exec install -D -m 644 '{}' "../$stage/deb/usr/share/doc/culvert/{}" ';')
pages="$stage/deb/usr/share/doc/culvert"
install -m 644 CHANGELOG.md LICENSE "$pages/"
for page in README.md CONTRIBUTING.md; do
    sed 's,](docs/,](,g' "$page" >"$pages/$page"
done
# What links into the source tree is plain words here.
sed -Ei 's,\[([^]]*)\]\(\.\./[^)]*\),\1,g' "$pages"/*.md
sed -Ei 's,\[([^]]*)\]\(\.\./\.\./[^)]*\),\1,g' "$pages"/*/*.md
mkdir -p "$stage/deb/usr/share/culvert/drivers-config"/{lib,devices}
for tool in bind hugepages cores; do
    install -m 755 "drivers-config/$tool" "$stage/deb/usr/share/culvert/drivers-config/$tool"
    ln -s "../share/culvert/drivers-config/$tool" "$stage/deb/usr/sbin/culvert-$tool"
done
install -m 644 drivers-config/lib/*.py "$stage/deb/usr/share/culvert/drivers-config/lib/"
install -m 644 drivers-config/devices/*.ini "$stage/deb/usr/share/culvert/drivers-config/devices/"

printf 'Source: culvert\n\nPackage: culvert\nArchitecture: any\n' >"$stage/debian/control"
depends=$(cd "$stage" && dpkg-shlibdeps -O deb/usr/sbin/culvertd deb/usr/sbin/culvert-dp deb/usr/bin/* 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "make_deb.sh: dpkg-shlibdeps found no libraries" >&2; exit 1; }
# Drivers of ports and crypto devices are plugins that no program links: they come with the packages of all of them (QuickAssist is in
# librte-meta-common, ccp, OpenSSL and ipsec-mb in librte-meta-crypto).
cat >"$stage/deb/DEBIAN/control" <<CONTROL
Package: culvert
Version: $version
Architecture: $arch
Maintainer: the culvert authors <culvert@localhost>
Depends: $depends, librte-meta-net, librte-meta-crypto, librte-meta-common, librte-meta-mempool, librte-meta-bus, python3, iproute2, kmod
Suggests: driverctl
Section: net
Priority: optional
Description: IPsec VPN concentrator on DPDK
 An ESP data plane that polls its ports, an IKEv2 daemon configured in Cisco IOS
 syntax, and a client with the show commands one expects.
CONTROL
cat >"$stage/deb/DEBIAN/postinst" <<'POST'
#!/bin/sh
set -e
getent passwd culvert >/dev/null || useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin culvert
mkdir -p /etc/culvert && chmod 750 /etc/culvert
POST
chmod 755 "$stage/deb/DEBIAN/postinst"
dpkg-deb --root-owner-group --build "$stage/deb" "build/culvert_${version}_${arch}.deb"
rm -rf "$stage"
