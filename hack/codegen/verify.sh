#!/usr/bin/env bash
# Copyright The AOF Authors.
# SPDX-License-Identifier: Apache-2.0

# verify.sh fails when anything generated is not what update.sh would write. It
# generates in a copy and never touches the tree.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "${here}/../.." && pwd)"
copy="$(mktemp -d)"
trap 'rm -rf "${copy}"' EXIT

cd "${root}"
mkdir -p "${copy}/config" "${copy}/pkg"
cp go.mod go.sum "${copy}/"
cp -R hack "${copy}/hack"
cp -R config/core "${copy}/config/core"
cp -R pkg/apis "${copy}/pkg/"
# And what the kinds import of ours.
for package in $(go list -deps -f '{{if .Module}}{{if .Module.Main}}{{.ImportPath}}{{end}}{{end}}' ./pkg/apis/...); do
  folder="pkg/${package#*/pkg/}"
  [[ -d "${copy}/${folder}" ]] || { mkdir -p "${copy}/${folder}" && cp "${folder}"/*.go "${copy}/${folder}/"; }
done

"${here}/generate.sh" "${copy}"

stale=0
for path in config/core hack/codegen/inputs.sum pkg/apis pkg/client; do
  diff --recursive --unified "${path}" "${copy}/${path}" || stale=1
done
if [[ "${stale}" != 0 ]]; then
  echo "generated files are stale: run make generate" >&2
  exit 1
fi
