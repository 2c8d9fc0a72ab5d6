#!/bin/sh
# Builds a file system of its own for one process, in a mount namespace that `unshare` has made, and runs the process in it.
#
#   enclose.sh ROOT ([id:DEVICE:INODE:SOURCE] (ro|rw|dev):PATH) … -- COMMAND …
#
# Each PATH shows at the same place as outside; nothing else is there. With `id`, what lies at SOURCE shows there, and only if it is that very
# file or folder: what was put in its place since it was looked at ends the start. ROOT is an empty folder to mount on.
set -eu
root=$1
shift
mount -t tmpfs -o size=1m,mode=755,nosuid,nodev sandbox "$root"
from=
identity=
while [ "$1" != -- ]; do
  kind=${1%%:*}
  path=${1#*:}
  shift
  if [ "$kind" = id ]; then
    device=${path%%:*}
    path=${path#*:}
    identity=$device:${path%%:*}
    from=${path#*:}
    continue
  fi
  from=${from:-$path}
  # What was granted need not be there; what was looked at must be.
  if [ ! -e "$from" ]; then
    [ -z "$identity" ] || { echo "$path is gone" >&2; exit 1; }
    from=
    continue
  fi
  if [ -d "$from" ]; then
    mkdir -p "$root$path"
  else
    mkdir -p "$root${path%/*}"
    [ -e "$root$path" ] || : >"$root$path"
  fi
  case $kind in
    ro) mount -o bind,ro,nosuid,nodev "$from" "$root$path" ;;
    rw) mount -o bind,nosuid,nodev "$from" "$root$path" ;;
    dev) mount -o bind "$from" "$root$path" ;;
  esac
  # What is mounted stays, whatever becomes of the name.
  if [ -n "$identity" ] && [ "$(stat -c %d:%i "$root$path")" != "$identity" ]; then
    echo "$path is not what it was when it was looked at" >&2
    exit 1
  fi
  from=
  identity=
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
