#!/usr/bin/env bash
# Starts aof dev with examples/quickstart, sends it one event, shows what came of
# it and keeps serving until Ctrl-C. With --once it stops after showing.
set -euo pipefail
cd "$(dirname "$0")/.."

listen=${AOF_LISTEN:-127.0.0.1:8080}
export AOF_SERVER=http://$listen
data=$(mktemp -d "${TMPDIR:-/tmp}/aof-quickstart-XXXXXX")
aof=.bin/aof

echo "building (the first time takes a few minutes) ..."
make build
$aof dev -f examples/quickstart --listen "$listen" --data "$data" 2>"$data/log" &
server=$!
stop() {
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$data"
}
trap stop EXIT
trap 'exit 0' INT TERM

until $aof get triggers >/dev/null 2>&1; do
  kill -0 "$server" 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done

echo
echo "== one event: \"The disk of db-1 is at 97 %, please help\""
$aof send -n quickstart --event examples/quickstart/event.json --wait 30s
echo "== the runs, and the binding that started them"
$aof get runs -n quickstart
echo
$aof get bindings -n quickstart
cat <<EOF

== try it yourself
# a CloudEvent, as to a Knative broker
curl -i $AOF_SERVER/events/quickstart -H 'Content-Type: application/json' \\
  -H 'ce-specversion: 1.0' -H 'ce-id: '\$RANDOM -H 'ce-source: /me' -H 'ce-type: my.message' -H 'ce-aoftrigger: web' \\
  -d '{"text": "latency is up, help", "user": "me"}'

# a webhook
curl -i $AOF_SERVER/quickstart/web -H 'Authorization: Bearer quickstart' \\
  -H 'Content-Type: application/json' -d '{"text": "the disk is full", "user": "me"}'

# what came of it
$PWD/$aof get runs --server $AOF_SERVER
$PWD/$aof describe binding web-triage --server $AOF_SERVER
EOF
[[ ${1:-} == --once ]] && exit 0
echo
echo "serving at $AOF_SERVER until Ctrl-C; edit examples/quickstart and it follows"
wait "$server"
