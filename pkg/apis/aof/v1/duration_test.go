// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestShortDuration(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"0s": 0, "120µs": 120400 * time.Nanosecond, "45ms": 45*time.Millisecond + 300*time.Microsecond,
		"2.3s": 2340 * time.Millisecond, "1m5s": 65*time.Second + 400*time.Millisecond,
	} {
		assert.Equal(t, want, ShortDuration(d))
	}
}
