// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1 holds the AOF kinds: what a user writes (spec), what the operator
// says about it (status), and the rules between them.
//
// Each kind has four files: _types (the fields and their wire names), _defaults
// (SetDefaults, which also brings every accepted spelling to the canonical
// one), _validation (Validate, which compiles what will later run, so that an
// object that is admitted is one that can be executed) and _lifecycle
// (conditions, and the phase derived from them). The wire names are a promise:
// golden tests compare them with the document the product was ordered from.
//
// Any package may import this one; it imports only apimachinery, knative's
// duck types, the cron parser and the pure packages flow, expr and match.
//
// +k8s:deepcopy-gen=package
// +groupName=aof.dev
// +kubebuilder:validation:Optional
package v1
