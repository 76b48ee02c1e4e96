#!/usr/bin/env bash
# run_gimp3.sh [-b SRC:DST[:ro]]... [-e NAME=VALUE]... COMMAND [ARGUMENT...]
#
# Runs COMMAND inside the GIMP root ($GIMP3_ROOT, see setup_gimp3.sh) in mount and process namespaces of its own: when
# it ends, every mount and every process it started (X, GIMP, plug-ins) is gone. /tmp inside is empty and is thrown
# away; -b binds a file or folder of this machine. The network is this machine's. Needs root. Exit 3: no GIMP root.
set -euo pipefail

root=${GIMP3_ROOT:-/var/cache/stylized/gimp3-${GIMP3_SUITE:-trixie}}
binds=()
variables=()
while getopts b:e: option; do
  case $option in
    b) binds+=("$OPTARG") ;;
    e) variables+=("$OPTARG") ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- bash
[ -e "$root/.gimp3-ready" ] || { echo "no GIMP root at $root: run tests/gimp/setup_gimp3.sh" >&2; exit 3; }

inside() {
  local root=$1 bind_count=$2 variable_count=$3
  shift 3
  local binds=("${@:1:bind_count}")
  shift "$bind_count"
  local variables=("${@:1:variable_count}")
  shift "$variable_count"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  # What is bound lives under /tmp or /mnt of the root, so that several runs side by side do not meet on its disk.
  mount -t tmpfs -o mode=0755 tmpfs "$root/mnt"
  local bind source target option
  for bind in "${binds[@]}"; do
    IFS=: read -r source target option <<<"$bind"
    if [ -d "$source" ]; then
      mkdir -p "$root$target"
    else
      mkdir -p "$(dirname "$root$target")"
      touch "$root$target"
    fi
    mount --bind "$source" "$root$target"
    if [ "$option" = ro ]; then mount -o remount,bind,ro "$root$target"; fi
  done
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp/home LANG=C.UTF-8 \
    LC_ALL=C.UTF-8 TERM=dumb NO_AT_BRIDGE=1 "${variables[@]}" chroot "$root" "$@"
}
export -f inside
exec unshare --mount --pid --fork --kill-child --propagation private bash -euc 'inside "$@"' run_gimp3 \
  "$root" ${#binds[@]} ${#variables[@]} "${binds[@]}" "${variables[@]}" "$@"
