#!/usr/bin/env bash
# Runs every fuzz target of the module for the time given (default 20s), one after
# another: go test takes one target at a time. Minimising is cut short, since with
# slow inputs it would take most of the time.
set -euo pipefail
cd "$(dirname "$0")/.."
each=${1:-20s}

grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' pkg | sort | while read -r file; do
  dir=$(dirname "$file")
  grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | awk '{print $2}' | while read -r target; do
    echo "=== $dir $target ($each)"
    go test "./$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$each" -fuzzminimizetime 10x
  done
done
