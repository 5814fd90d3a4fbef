#!/usr/bin/env bash
# Copyright The AOF Authors.
# SPDX-License-Identifier: Apache-2.0

# injection-gen.sh VERSION OUTPUT: builds knative's injection-gen. Its template for
# fake informers names the informer's package before the standard library's
# context, and for our kind Context both would be called "context": the tool gives
# up. A copy of the tool with the standard library named first does it.
set -euo pipefail

version="$1" output="$2"
module=knative.dev/pkg
template=codegen/cmd/injection-gen/generators/informers/fake_informer.go

scratch="$(mktemp -d)"
trap 'rm -rf "${scratch}"' EXIT

directory="$(go mod download -json "${module}@${version}" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')"
cp -R "${directory}" "${scratch}/module"
chmod -R u+w "${scratch}/module"
cd "${scratch}/module"
sed -i 's/^var Get = {{.informerGet|raw}}$/var _ {{.contextContext|raw}}\n\n&/' "${template}"
if cmp -s "${directory}/${template}" "${template}"; then
  echo "the template of ${module}@${version} has changed: see whether it still needs mending" >&2
  exit 1
fi
GOFLAGS='' GOWORK=off go build -buildvcs=false -o "${output}" ./codegen/cmd/injection-gen
