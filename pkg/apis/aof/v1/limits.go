// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

// Bounds on what a spec may hold. They are far above what people write, and low
// enough that a compiled plan fits into one Kubernetes object.
const (
	// MaxListItems bounds lists of patterns, channels, users, tools, members and
	// the like.
	MaxListItems = 1000
	// MaxNameBytes bounds names and other single words.
	MaxNameBytes = 253
	// MaxTextBytes bounds instructions, descriptions and other long texts.
	MaxTextBytes = 256 << 10
	// MaxEventBytes bounds the event of a FlowRun, envelope included.
	MaxEventBytes = 512 << 10
	// MaxReplicas bounds the instances of one fleet, all members together.
	MaxReplicas = 1000
)
