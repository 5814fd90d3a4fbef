// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var errDuration = errors.New(`not a duration: write "30s", "5m", "1h30m", "2d" or a number of seconds`)

// ParseDuration reads a duration as flows write it: "1s", "250ms", "5m", "1h30m",
// "2d", or a bare number of seconds as number or text. It refuses negative ones
// and what a time.Duration can't hold.
func ParseDuration(v any) (time.Duration, error) {
	switch t := v.(type) {
	case time.Duration:
		return seconds(t.Seconds())
	case string:
		return parseDurationText(strings.TrimSpace(t))
	case json.Number:
		return parseDurationText(t.String())
	default:
		f, ok := number(v)
		if !ok {
			return 0, errDuration
		}
		return seconds(f)
	}
}

func parseDurationText(s string) (time.Duration, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return seconds(f)
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		f, err := strconv.ParseFloat(days, 64)
		if err != nil {
			return 0, errDuration
		}
		return seconds(f * 24 * 60 * 60)
	}
	d, err := time.ParseDuration(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		return 0, errDuration
	}
	if d < 0 {
		return 0, fmt.Errorf("a duration can't be negative: %s", d)
	}
	return d, nil
}

func seconds(f float64) (time.Duration, error) {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0) || f*float64(time.Second) >= math.MaxInt64:
		return 0, errDuration
	case f < 0:
		return 0, errors.New("a duration can't be negative")
	default:
		return time.Duration(f * float64(time.Second)), nil
	}
}

// number reads the numeric types that JSON and YAML decoders produce.
func number(v any) (float64, bool) {
	switch t := v.(type) {
	case float64:
		return t, true
	case float32:
		return float64(t), true
	case int:
		return float64(t), true
	case int32:
		return float64(t), true
	case int64:
		return float64(t), true
	case uint64:
		return float64(t), true
	case json.Number:
		f, err := t.Float64()
		return f, err == nil
	default:
		return 0, false
	}
}
