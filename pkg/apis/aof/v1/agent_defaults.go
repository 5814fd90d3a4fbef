// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import "context"

// SetDefaults brings the object to its canonical form.
func (in *Agent) SetDefaults(context.Context) {}
