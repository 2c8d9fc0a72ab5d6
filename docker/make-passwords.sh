#!/bin/sh
# Makes the passwords of Redis and PostgreSQL at the very first start and leaves them alone ever after. There is no default
# that someone could know. Each lies in a volume of its own, mounted only where it is needed, so it may be readable there.
set -eu
umask 022

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
# Under its name a file is complete or not there at all.
keep() { cat >"$1.new" && mv "$1.new" "$1"; }

redis=/run/conductor/redis
postgres=/run/conductor/postgres

if [ ! -s "$redis/password" ]; then
  random | keep "$redis/password"
  echo 'made a password for Redis'
fi
if [ ! -s "$redis/redis.conf" ]; then
  printf 'requirepass %s\n' "$(cat "$redis/password")" | keep "$redis/redis.conf"
fi
if [ ! -s "$postgres/password" ]; then
  random | keep "$postgres/password"
  echo 'made a password for PostgreSQL'
fi
