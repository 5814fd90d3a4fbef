// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// UnmarshalJSON reads the fields, and the options out of a consensus that is
// written as an object.
func (c *FleetCoordination) UnmarshalJSON(data []byte) error {
	type plain FleetCoordination
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return fmt.Errorf("read coordination: %w", err)
	}
	*c = FleetCoordination(p)
	if c.ConsensusOptions != nil {
		return nil
	}
	var written struct {
		Consensus json.RawMessage `json:"consensus"`
	}
	if err := json.Unmarshal(data, &written); err != nil {
		return fmt.Errorf("read coordination: %w", err)
	}
	if !isObject(written.Consensus) {
		return nil
	}
	var options ConsensusOptions
	if err := json.Unmarshal(written.Consensus, &options); err != nil {
		return fmt.Errorf("read coordination.consensus: %w", err)
	}
	if !options.isZero() {
		c.ConsensusOptions = &options
	}
	return nil
}

// UnmarshalJSON reads the string, or the algorithm of the object form.
func (c *FleetConsensus) UnmarshalJSON(data []byte) error {
	var name string
	if isObject(data) {
		var object struct {
			Algorithm string `json:"algorithm"`
		}
		if err := json.Unmarshal(data, &object); err != nil {
			return fmt.Errorf("read consensus: %w", err)
		}
		name = object.Algorithm
	} else if err := json.Unmarshal(data, &name); err != nil {
		return fmt.Errorf("read consensus: %w", err)
	}
	*c = FleetConsensus(name)
	return nil
}

func isObject(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(data), []byte("{"))
}

func (o ConsensusOptions) isZero() bool {
	return o.MinVotes == nil && o.MinConfidence == nil && o.Weights == nil && o.TimeoutMS == nil && o.AllowPartial == nil
}
