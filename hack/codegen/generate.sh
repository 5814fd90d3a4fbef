#!/usr/bin/env bash
# Copyright The AOF Authors.
# SPDX-License-Identifier: Apache-2.0

# generate.sh ROOT: generates into ROOT, a checkout or a copy of one, everything
# that is made from pkg/apis. The tools come from .bin/ (make codegen-tools).
set -euo pipefail

tools="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/.bin"
root="$(cd "$1" && pwd)"
cd "${root}"

for tool in controller-gen deepcopy-gen client-gen lister-gen informer-gen injection-gen; do
  [[ -x "${tools}/${tool}" ]] || { echo "${tools}/${tool} is missing: run make codegen-tools" >&2; exit 1; }
done

scratch="$(mktemp -d)"
trap 'rm -rf "${scratch}"' EXIT

"${tools}/deepcopy-gen" \
  --go-header-file hack/boilerplate.go.txt \
  --output-file zz_generated.deepcopy.go \
  ./pkg/apis/aof/v1

# Clients, listers, informers and the Knative reconciler scaffolding.
module=aof.dev/operator
client="${module}/pkg/client"
"${tools}/client-gen" \
  --go-header-file hack/boilerplate.go.txt \
  --clientset-name versioned --input-base "${module}/pkg/apis" --input aof/v1 \
  --output-dir "${scratch}/client/clientset" --output-pkg "${client}/clientset"
"${tools}/lister-gen" \
  --go-header-file hack/boilerplate.go.txt \
  --output-dir "${scratch}/client/listers" --output-pkg "${client}/listers" \
  ./pkg/apis/aof/v1
"${tools}/informer-gen" \
  --go-header-file hack/boilerplate.go.txt \
  --versioned-clientset-package "${client}/clientset/versioned" --listers-package "${client}/listers" \
  --output-dir "${scratch}/client/informers" --output-pkg "${client}/informers" \
  ./pkg/apis/aof/v1
"${tools}/injection-gen" \
  --go-header-file hack/boilerplate.go.txt \
  --input-dirs "${module}/pkg/apis/aof/v1" \
  --versioned-clientset-package "${client}/clientset/versioned" \
  --external-versions-informers-package "${client}/informers/externalversions" \
  --listers-package "${client}/listers" \
  --output-dir "${scratch}/client/injection" --output-package "${client}/injection"

rm -rf pkg/client
mv "${scratch}/client" pkg/client

# Floats are dangerous in Kubernetes types because some languages read them
# differently; the published schema has three (temperature and two rates).
"${tools}/controller-gen" crd:allowDangerousTypes=true paths=./pkg/apis/aof/v1 "output:crd:dir=${scratch}"
mkdir -p config/core
rm -f config/core/300-*.yaml
go run ./hack/codegen/finishcrds "${scratch}" config/core
chmod 0644 config/core/300-*.yaml

# What it was made from, for the test that finds stale files without any tool.
for source in pkg/apis/aof/v1/*.go; do
  case "${source}" in
    *_test.go | */zz_generated*) ;;
    *) sha256sum "${source}" ;;
  esac
done > hack/codegen/inputs.sum
