#!/bin/sh
# Builds a file system of its own for one process, in a mount namespace that `unshare` has made, and runs the process in it.
#
#   enclose.sh ROOT (ro|rw|dev):PATH … -- COMMAND …
#
# Each PATH shows at the same place as outside; nothing else is there. ROOT is an empty folder to mount on.
set -eu
root=$1
shift
mount -t tmpfs -o size=1m,mode=755,nosuid,nodev sandbox "$root"
while [ "$1" != -- ]; do
  kind=${1%%:*}
  path=${1#*:}
  shift
  # What was granted need not be there.
  [ -e "$path" ] || continue
  if [ -d "$path" ]; then
    mkdir -p "$root$path"
  else
    mkdir -p "$root${path%/*}"
    : >"$root$path"
  fi
  case $kind in
    ro) mount -o bind,ro,nosuid,nodev "$path" "$root$path" ;;
    rw) mount -o bind,nosuid,nodev "$path" "$root$path" ;;
    dev) mount -o bind "$path" "$root$path" ;;
  esac
done
shift
mkdir "$root/proc"
# In a container whose own /proc is masked the kernel allows none here; Node runs without.
mount -t proc -o nosuid,nodev,noexec proc "$root/proc" 2>/dev/null || :
# Not allowed in a user namespace everywhere: then one megabyte of memory can be written there, which ends with the process.
mount -o remount,ro,nosuid,nodev "$root" 2>/dev/null || :
cd "$root"
# Covers the outer root. Where it may not be covered, leaving a changed root takes a capability that the process has not got.
mount --move . / 2>/dev/null || :
exec chroot . "$@"
