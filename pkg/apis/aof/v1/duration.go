// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import "time"

// ShortDuration writes a duration as statuses show it and people say it: 1m5s,
// 2.3s, 45ms, 120µs.
func ShortDuration(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(time.Microsecond).String()
	}
}
