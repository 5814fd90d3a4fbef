#!/usr/bin/env bash
# Copyright The AOF Authors.
# SPDX-License-Identifier: Apache-2.0

# update.sh writes generated code and CRDs again, in place.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"${here}/generate.sh" "${here}/../.."
