#!/usr/bin/env bash
# A person's way through the Conductor in containers: starts it, sends messages, switches a platform off, kills it, redrives what
# died, stops and kills everything, and sees that nothing accepted is lost. Says each step and stops loudly at the first that fails.
#
#   docker/journey.sh           builds, starts, and leaves it running
#   docker/journey.sh --down    … takes it down and throws its volumes away at the end
#
# It needs bash, curl and Docker. It kills and switches off platforms: not for an installation that people use.
# COMPOSE_PROJECT_NAME, CONDUCTOR_PORT and ROUTER_PORT set another one up beside it.
set -euo pipefail

compose() { docker compose --progress quiet -f "$(dirname "$0")/compose.yaml" "$@"; }

began=$SECONDS
step() { printf '\n[%3d s] %s\n' $((SECONDS - began)) "$*"; }
note() { printf '        %s\n' "$*"; }
fail() {
  printf '\nFAILED after %d s: %s\n' $((SECONDS - began)) "$*" >&2
  [ -z "${STATUS:-}" ] || printf 'The last answer was %s: %s\n' "$STATUS" "$BODY" >&2
  compose ps --all >&2 || true
  exit 1
}
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR

# Sets STATUS, HEADERS and BODY.
call() { # method, address, JSON body
  local headers; headers=$(mktemp)
  local arguments=(--silent --show-error --max-time 20 --dump-header "$headers" --write-out '\n%{http_code}' --request "$1" --header "authorization: Bearer ${KEY:-}" --header 'accept: application/json')
  [ $# -lt 3 ] || arguments+=(--header 'content-type: application/json' --data "$3")
  local answer; answer=$(curl "${arguments[@]}" "$2" 2>&1) || true
  STATUS=${answer##*$'\n'} BODY=${answer%$'\n'*} HEADERS=$(<"$headers")
  rm -f "$headers"
}
expect() { # status, text that the body must contain
  [ "$STATUS" = "$1" ] || fail "expected status $1"
  [ $# -lt 2 ] || [[ $BODY == *"$2"* ]] || fail "expected an answer with $2"
}
# The first string or number of that name in the body.
field() { if [[ $BODY =~ \"$1\":\"?([^\",}]*) ]]; then echo "${BASH_REMATCH[1]}"; fi; }
within() { # seconds, command: again and again until it succeeds
  local seconds=$1 until=$((SECONDS + $1)); shift
  until "$@"; do
    [ $SECONDS -lt $until ] || fail "not within $seconds s: $*"
    sleep 0.3
  done
}
send() { call POST "$ROUTER/v1/requests" "{\"target\":\"twitch\",\"kind\":\"chat\",\"content\":{\"text\":\"$1\"}${2:-}}"; }
twitch_is() { call GET "$CONDUCTOR/v1/platforms/twitch"; [ "$(field state)" = "$1" ]; }
request_is() { call GET "$ROUTER/v1/requests/$1"; [ "$(field state)" = "$2" ]; }
redrive_is_done() { call GET "$CONDUCTOR/v1/redrives/$1"; [ "$(field state)" = 'done' ]; }
redrive() {
  call POST "$CONDUCTOR/v1/dead-letters/redrive" "{\"ids\":[\"$1\"]}"; expect 202
  within 20 redrive_is_done "$(field id)"
  within 20 request_is "$1" answered
}
container() { compose ps --all --quiet "$1"; }
bring_up() {
  local since=$SECONDS
  compose up --detach --wait --wait-timeout 300 "$@" >/dev/null 2>&1 || { compose up --detach --wait --wait-timeout 300 "$@" || fail 'it does not come up'; }
  CONDUCTOR=http://$(compose port conductor 3000) ROUTER=http://$(compose port router 3001)
  note "all healthy after $((SECONDS - since)) s"
}

step "the project's own compose.yaml finds what it names"
profile=$(cd "$(dirname "$0")/.." && docker compose config | sed -n 's/.*seccomp=//p')
[ -f "$(dirname "$0")/../$profile" ] || fail "there is no seccomp profile $profile"
note "$profile"

step 'build and start'
compose build
bring_up
KEY=$(compose exec -T conductor cat /var/lib/conductor/admin-key)

step 'only the doors of conductor and router are open, on loopback'
for service in $(compose ps --services); do
  docker inspect --format "{{range \$port, \$where := .NetworkSettings.Ports}}{{range \$where}}$service {{.HostIp}}:{{.HostPort}} {{end}}{{end}}" "$(container "$service")"
done | grep . | while read -r line; do
  note "$line"
  [[ $line =~ ^(conductor|router)\ 127\.0\.0\.1:[0-9]+$ ]] || fail "more is published: $line"
done

step 'apps are no root, cannot write where they live, and no password shows'
[ "$(compose exec -T router id -u)" != 0 ] || fail 'the router runs as root'
! compose exec -T router touch /app/written 2>/dev/null || fail 'the file system of the router can be written'
[[ $(compose exec -T redis redis-cli ping 2>&1) == *NOAUTH* ]] || fail 'Redis asks for no password'
! docker inspect "$(container conductor)" "$(container redis)" "$(container postgres)" | grep -F "$(compose exec -T conductor cat /run/conductor/redis/password)" || fail 'the password of Redis shows in docker inspect'
note "user $(compose exec -T router id -un), admin key: $(compose exec -T conductor stat -c '%A %U' /var/lib/conductor/admin-key)"

step 'the plugin-host, where code of third parties runs, gets neither the admin key nor secrets of other apps'
in_plugin_host() { compose exec -T plugin-host sh -c "$1"; }
! in_plugin_host 'cat /var/lib/conductor/admin-key' 2>/dev/null || fail 'the admin key can be read in the plugin-host'
# By standard input: as an argument it would show among the processes.
found=$(printf '%s\n' "$KEY" | in_plugin_host 'grep -rlsF -f - /app /etc /home /run /tmp /var' || true)
[ -z "$found" ] || fail "the admin key lies in the plugin-host, in $found"
environment=$(in_plugin_host 'cat /proc/[0-9]*/environ 2>/dev/null | tr "\0" "\n"' || true)
[[ $environment == *APP=plugin-host* && $environment == *REDIS_URL=* ]] || fail 'the environment of the plugin-host cannot be looked at'
for secret in "$KEY" "$(compose exec -T conductor cat /run/conductor/postgres/password)" CONDUCTOR_ADMIN_KEY= DATABASE_URL= BRAIN_API_KEY=; do
  [[ $environment != *"$secret"* ]] || fail "the environment of the plugin-host has a secret of others (${secret%%[!A-Z_]*})"
done
! in_plugin_host 'cat /run/conductor/postgres/password' 2>/dev/null || fail 'the password of PostgreSQL can be read in the plugin-host'
note 'no admin key, no password of PostgreSQL, no key of a language model'

step 'plugins are isolated in it, or do not run'
call GET "$CONDUCTOR/v1/plugins/sandbox"; expect 200 '"hosts":[{'
if [[ $BODY == *'"refusal":'* ]]; then note "none runs here: $(field refusal)"
else
  expect 200 '"complete":true'
  [[ $BODY != *'"allowMissing":["'* ]] || fail 'plugins run without layers of isolation'
  note 'files, network, processes and user are isolated, in a container without privileges'
fi

step 'the system says that it is well'
call GET "$CONDUCTOR/health/ready"; expect 200 '"status":"ok"'
call GET "$ROUTER/health/ready"; expect 200 '"status":"ok"'
well() { call GET "$CONDUCTOR/v1/status"; [ "$(field status)" = ok ]; }
within 30 well
note "$BODY"
KEY='' call GET "$CONDUCTOR/v1/status"; expect 401 '"code":"unauthenticated"'

step 'a foreign name in the header Host is refused, those of the services are not'
for address in "$CONDUCTOR" "$ROUTER"; do
  [ "$(curl --silent --output /dev/null --write-out '%{http_code}' --header 'host: rebound.example.org' "$address/health/ready")" = 421 ] || fail "$address takes any Host"
done
[ "$(compose exec -T plugin-host node -e 'fetch("http://router:3001/health/ready").then(({ status }) => console.log(status))')" = 200 ] || fail 'the router is not reached by the name of its service'

step 'a message goes in, and the echo of the brain comes back'
call POST "$ROUTER/v1/requests" '{"kind":"chat","content":{"text":"Hello from the journey"}}'
expect 200 'Hello from the journey'
note "$BODY"

step 'a message to twitch gets the answer of twitch'
send 'Hello twitch'; expect 200 'not hooked up yet'
note "$BODY"

step 'twitch is switched off: a message for it dies with a reason, at once'
call POST "$CONDUCTOR/v1/platforms/twitch/disable" '{"reason":"the journey tries it"}'; expect 200
within 10 twitch_is disabled
send 'Nobody is there'; expect 503 '"code":"platform-unavailable"'
note "$BODY"
[[ ${HEADERS,,} == *retry-after:* ]] || fail 'it does not say when to come back'
[[ $BODY =~ \"id\":\"(r-[^\"]*) ]] || fail 'it does not say what became of the message'
letter=${BASH_REMATCH[1]}
call GET "$CONDUCTOR/v1/dead-letters?platform=twitch"; expect 200 "$letter"

step 'twitch is switched on again, and the dead letter is redriven'
call POST "$CONDUCTOR/v1/platforms/twitch/enable" '{}'; expect 200
within 20 twitch_is ready
redrive "$letter"
note "$letter is answered"
call GET "$CONDUCTOR/v1/dead-letters/$letter"; expect 404

step 'the process of the stubs is killed: Docker starts it again, and twitch works again'
twitch_is ready
before=$(field id)
restarts=$(docker inspect --format '{{.RestartCount}}' "$(container stubs)")
compose exec -T stubs sh -c 'kill -9 -1' || true
since=$SECONDS
restarted() { [ "$(docker inspect --format '{{.RestartCount}} {{.State.Health.Status}}' "$(container stubs)")" = "$((restarts + 1)) healthy" ]; }
within 60 restarted
# The one that is gone stays on the list for a while, as silent.
in_new_hands() { twitch_is ready && [[ $BODY =~ \"id\":\"(twitch-[^\"]*)\",\"verdict\":\"healthy ]] && [ "${BASH_REMATCH[1]}" != "$before" ]; }
within 60 in_new_hands
note "ready again after $((SECONDS - since)) s, as ${BASH_REMATCH[1]} instead of $before"
send 'Are you back?'; expect 200

step 'the container of the stubs is killed, which Docker takes for our wish: the system says so'
compose kill stubs
since=$SECONDS
within 30 twitch_is failed
note "twitch failed after $((SECONDS - since)) s: $(field reason)"
send 'Anybody?'; expect 503 '"code":"platform-unavailable"'
note "$BODY"
[[ $BODY =~ \"id\":\"(r-[^\"]*) ]]; letter=${BASH_REMATCH[1]}
call GET "$CONDUCTOR/v1/status"; expect 200 '"status":"degraded"'

step 'it is started again'
since=$SECONDS
compose start stubs
within 60 twitch_is ready
note "twitch ready after $((SECONDS - since)) s"
redrive "$letter"
note "$letter is answered"

step 'Redis is killed: the doors refuse at once and say when to come again; then all goes on by itself'
compose kill redis
refused() { send 'Is anybody taking this?'; [ "$STATUS" = 503 ]; }
within 5 refused
expect 503 '"code":"redis-unavailable"'
[[ ${HEADERS,,} == *retry-after:* ]] || fail 'it does not say when to come back'
note "$BODY"
compose start redis
since=$SECONDS
answers() { send 'And now?'; [ "$STATUS" = 200 ]; }
within 60 answers
note "answers again after $((SECONDS - since)) s"
within 60 twitch_is ready
within 60 well

step 'PostgreSQL is killed: messages go on, and history waits'
compose kill postgres
send 'Does it matter?'; expect 200
unwell() { call GET "$CONDUCTOR/v1/status"; [ "$(field status)" = degraded ]; }
within 20 unwell
note "$BODY"
compose start postgres
within 60 well

step 'all of it is in PostgreSQL'
rows() { compose exec -T postgres psql --username=conductor --no-align --tuples-only --field-separator=' ' --command="$1"; }
rows 'select platform_name, count(*), round(avg(response_time_ms)) from integration_metrics group by 1 order by 1' | while read -r platform checks mean; do note "$platform: $checks checks, $mean ms"; done
[ "$(rows "select count(*) > 0 from integration_metrics where platform_name = 'twitch'")" = t ] || fail 'no check of twitch is kept'
call GET "$CONDUCTOR/v1/metrics/transitions/platforms"; expect 200 '"failed"'
call GET "$CONDUCTOR/v1/audit"; expect 200 'platform.disable'

step 'Bull Board shows its queues to those who log in'
[ "$(curl --silent --output /dev/null --write-out '%{http_code} %{redirect_url}' --header 'accept: text/html' "$CONDUCTOR/queues")" = "303 $CONDUCTOR/login?next=%2Fqueues" ] || fail 'it does not ask to log in'
[[ $(curl --silent --fail "$CONDUCTOR/login") == *'<form method="post" action="/session">'* ]] || fail 'there is no page to log in'
cookie=$(curl --silent --output /dev/null --dump-header - --data-urlencode "key=$KEY" --data-urlencode 'next=/queues' "$CONDUCTOR/session" | sed -nE 's/^set-cookie: ([^;]*);.*HttpOnly; SameSite=Strict.*/\1/Ip')
[ -n "$cookie" ] || fail 'logging in gives no session'
[[ $(curl --silent --fail --header "cookie: $cookie" "$CONDUCTOR/queues/") == *'Conductor queues'* ]] || fail 'the board does not open'
[[ $(curl --silent --fail --header "cookie: $cookie" "$CONDUCTOR/queues/api/queues") == *platform.twitch* ]] || fail 'the board does not show the queue of twitch'
note 'platform.twitch is on the board'

step 'twitch is switched off, and a message that may wait is accepted'
call POST "$CONDUCTOR/v1/platforms/twitch/disable" '{}'; expect 200
within 10 twitch_is disabled
send 'Patience' ',"waitFor":"acceptance"'; expect 202
first=$(field id)
note "$BODY"

step 'everything stops by itself, nothing has to be killed'
since=$SECONDS
compose stop
note "stopped after $((SECONDS - since)) s"
for service in $(compose ps --all --services); do
  code=$(docker inspect --format '{{.State.ExitCode}}' "$(container $service)")
  [ "$code" = 0 ] || fail "$service ended with $code"
done

step 'everything starts again: the message is still there, and twitch is still off'
bring_up
twitch_is disabled
request_is "$first" queued || fail "$first is lost"
note "$BODY"
send 'Patience again' ',"waitFor":"acceptance"'; expect 202
second=$(field id)

step 'everything is killed at once, a second and a half later'
sleep 1.5
compose kill
bring_up
request_is "$first" queued || fail "$first is lost"
request_is "$second" queued || fail "$second is lost"
note "$first and $second are still there"

step 'twitch is switched on: both are delivered'
call POST "$CONDUCTOR/v1/platforms/twitch/enable" '{}'; expect 200
within 30 request_is "$first" answered
within 30 request_is "$second" answered
within 30 twitch_is ready
note "$BODY"

step 'what it takes'
docker stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.CPUPerc}}' $(compose ps --quiet) | sort | while read -r line; do note "$line"; done
note "image: $(docker image inspect --format '{{.Size}}' conductor:local | awk '{ printf "%.0f MB", $1 / 1e6 }')"

if [ "${1:-}" = --down ]; then
  step 'down'
  compose down --volumes
fi
printf '\nThe journey went well, in %d s.\n' $((SECONDS - began))
