#!/usr/bin/env bash
# Makes, once, a Debian root that holds a real GIMP 3 and what its window needs, for the tests in this folder.
#
#   GIMP3_ROOT   where the root goes   (default: /var/cache/stylized/gimp3-SUITE, outside of every clone)
#   GIMP3_SUITE  Debian release        (default: trixie = GIMP 3.0; forky = GIMP 3.2)
#
# A second run sees the stamp and returns at once. Two runs side by side: the second waits. It talks only to the Debian
# mirror that this machine's apt is set to. Needs root, for debootstrap and chroot. Exit 3: cannot be made here.
set -euo pipefail

suite=${GIMP3_SUITE:-trixie}
root=${GIMP3_ROOT:-/var/cache/stylized/gimp3-$suite}
# gimp brings python3-gi and its own introspection data, hence Python; the rest is for the tests that open its window.
packages="gimp xvfb xauth xdotool scrot openbox dbus-daemon fonts-dejavu-core procps"
stamp="3 $suite $packages"

ready() { [ "$(cat "$root/.gimp3-ready" 2>/dev/null)" = "$stamp" ]; }
cannot() { echo "no GIMP root can be made here: $1" >&2; exit 3; }

if ready; then echo "GIMP root ready: $root"; exit 0; fi
[ "$(uname -s)" = Linux ] || cannot "this is not Linux"
[ "$(id -u)" = 0 ] || cannot "debootstrap and chroot need root"
command -v apt-get >/dev/null || cannot "no apt-get"

# The mirrors that apt itself uses, in both of its formats.
uris() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    awk '/^URIs:/{print $2} $1=="deb"{for(i=2;i<=NF;i++) if($i ~ /^https?:/){print $i;break}}' || true
}
mirror=$(uris | grep -E '/debian/?$' | head -1 || true)
security=$(uris | grep -E '/debian-security/?$' | head -1 || true)
[ -n "$mirror" ] || cannot "apt's sources name no Debian mirror"

export DEBIAN_FRONTEND=noninteractive LC_ALL=C
mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9
if ready; then echo "GIMP root ready: $root"; exit 0; fi

if ! command -v debootstrap >/dev/null; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends debootstrap
fi
# An older debootstrap does not know the newest releases by name; sid's script serves them all.
script=
[ -e "/usr/share/debootstrap/scripts/$suite" ] || script=/usr/share/debootstrap/scripts/sid

new=$root.new.$$
log=$root.log
give_up() {
  if mountpoint -q "$new/proc"; then umount "$new/proc"; fi
  rm -rf --one-file-system "$new"
}
trap give_up EXIT
rm -rf --one-file-system "$root".new.*
run() { "$@" >>"$log" 2>&1 || { echo "failed: $*" >&2; tail -25 "$log" >&2; exit 1; }; }

: >"$log"
run debootstrap --variant=minbase --include=ca-certificates "$suite" "$new" "$mirror" $script
{
  echo "deb $mirror $suite main"
  if [ "$suite" = trixie ]; then
    echo "deb $mirror $suite-updates main"
    if [ -n "$security" ]; then echo "deb $security $suite-security main"; fi
  fi
} >"$new/etc/apt/sources.list"
cp -L /etc/resolv.conf "$new/etc/resolv.conf"
cp /etc/hosts "$new/etc/hosts"
cat >"$new/etc/apt/apt.conf.d/99tests" <<'CONF'
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::IndexTargets::deb::DEP-11 { DefaultEnabled "false"; };
Acquire::IndexTargets::deb::DEP-11-icons { DefaultEnabled "false"; };
CONF
# German stays: the translation is looked at in the real dialog.
printf '%s\n' force-unsafe-io 'path-exclude /usr/share/doc/*' 'path-exclude /usr/share/man/*' \
  'path-exclude /usr/share/locale/*' 'path-include /usr/share/locale/de/*' >"$new/etc/dpkg/dpkg.cfg.d/99tests"
printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
chmod +x "$new/usr/sbin/policy-rc.d"
mount -t proc proc "$new/proc"
run chroot "$new" apt-get update -qq
# shellcheck disable=SC2086 # a list of words
run chroot "$new" apt-get install -y -qq $packages locales
printf 'de_DE.UTF-8 UTF-8\n' >"$new/etc/locale.gen"
run chroot "$new" locale-gen
run chroot "$new" apt-get clean
rm -rf "$new"/var/lib/apt/lists/*
umount "$new/proc"
echo "$stamp" >"$new/.gimp3-ready"
rm -rf --one-file-system "$root"
mv "$new" "$root"
trap - EXIT
rm -f "$log"
echo "GIMP root made: $root ($(du -sh --one-file-system "$root" | cut -f1))"
