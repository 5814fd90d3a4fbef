#!/usr/bin/env bash
# How long `aof run` of a three-node flow takes as a whole process, beside the
# shortest thing the same binary can do (aof --help), both in one run.
set -euo pipefail
cd "$(dirname "$0")/.."
make build
count=${1:-30}
flow=$(mktemp -d)
trap 'rm -rf "$flow"' EXIT
cat >"$flow/flow.yaml" <<'EOF'
apiVersion: aof.dev/v1
kind: AgentFlow
metadata: {name: three}
spec:
  trigger: {type: Manual, config: {}}
  nodes:
    - {id: read, type: Transform, config: {script: 'export REQUEST="${event.text}"'}}
    - {id: think, type: Agent, config: {inline: {name: echo, model: "mock:echo", instructions: Echo.}, input: "${REQUEST}"}}
    - {id: answer, type: Response, config: {message: "${think.output}"}}
  connections:
    - {from: trigger, to: read}
    - {from: read, to: think}
    - {from: think, to: answer}
EOF
measure() { # prints min, median and max in milliseconds
  local name=$1
  shift
  for _ in $(seq "$count"); do
    local from=$EPOCHREALTIME
    "$@" >/dev/null 2>&1
    local to=$EPOCHREALTIME
    echo $((${to/./} - ${from/./}))
  done | sort -n | awk -v name="$name" '{v[NR]=$1} END {printf "%-28s min %6.1f  median %6.1f  max %6.1f ms  (n=%d)\n", name, v[1]/1000, v[int((NR+1)/2)]/1000, v[NR]/1000, NR}'
}
measure "aof run, three nodes" .bin/aof run three -f "$flow" --text hello
measure "aof --help" .bin/aof --help
