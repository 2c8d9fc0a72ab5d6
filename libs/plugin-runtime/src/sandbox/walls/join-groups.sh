#!/bin/sh
# Becomes a member of control groups, then becomes the command: whatever that starts is a member from its first moment on.
#
#   join-groups.sh FOLDER … -- COMMAND …
set -eu
while [ "$1" != -- ]; do
  echo $$ >"$1/cgroup.procs"
  shift
done
shift
exec "$@"
