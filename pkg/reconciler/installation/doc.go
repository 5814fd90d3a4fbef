// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package installation looks after what the operator has once, not once for an
// object: the API token of the adapter, and whether the Deployment that holds
// connections to platforms runs, which it does while a Trigger needs it. It makes
// neither the ServiceAccount nor the Deployment; those are installed. Only
// cmd/controller imports it.
package installation
