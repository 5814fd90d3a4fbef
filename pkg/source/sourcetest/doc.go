// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sourcetest holds what every platform must do with the requests it is
// sent: [Run] for any platform whose requests carry a credential.
//
// Only tests import it.
package sourcetest
