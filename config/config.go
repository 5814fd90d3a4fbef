// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config carries the manifests of the installation inside the binaries,
// so that names, short names and printer columns stand in one place: the CRDs.
package config

import "embed"

// Core holds config/core/*.yaml.
//
//go:embed core/*.yaml
var Core embed.FS
