#!/bin/sh
# Runs the app that APP names. Addresses of Redis and PostgreSQL are put together from the passwords in the container's
# volumes, unless they are given: a password in the environment shows up in `docker inspect`, one in a file does not.
set -eu

main=/app/dist/apps/$APP/src/main.js
if [ ! -f "$main" ]; then
  echo "There is no app \"$APP\". APP can be: $(ls /app/dist/apps | tr '\n' ' ')" >&2
  exit 78
fi

if [ -z "${REDIS_URL:-}" ] && [ -r /run/conductor/redis/password ]; then
  export REDIS_URL="redis://:$(cat /run/conductor/redis/password)@redis:6379"
fi
if [ -z "${DATABASE_URL:-}" ] && [ -r /run/conductor/postgres/password ]; then
  export DATABASE_URL="postgresql://conductor:$(cat /run/conductor/postgres/password)@postgres:5432/conductor"
fi

# A small young generation saves some 40 MB at work; what carries messages would pay for it with speed.
# Who that is says the app itself, as to the launcher: whoever runs platforms, unless it says something else.
young=--max-semi-space-size=2
if [ -f "/app/dist/apps/$APP/app.json" ] && node -e '
  const { carriesMessages, platforms = [] } = require(process.argv[1]);
  process.exit((carriesMessages ?? platforms.length > 0) ? 0 : 1)' "/app/dist/apps/$APP/app.json"; then young=--max-semi-space-size=16; fi

exec node --enable-source-maps --disable-warning=ExperimentalWarning "$young" "$main"
