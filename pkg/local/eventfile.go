// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package local

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"sigs.k8s.io/yaml"

	"aof.dev/operator/pkg/event"
)

// ReadEvent reads an event from a file ("-" is in): a CloudEvent in structured
// JSON or YAML, or any other object, which becomes the data of an event.
func ReadEvent(s Settings, path string, in io.Reader) (cloudevents.Event, error) {
	raw, err := readBounded(path, in)
	if err != nil {
		return cloudevents.Event{}, err
	}
	if converted, err := yaml.YAMLToJSON(raw); err == nil {
		raw = converted
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		return cloudevents.Event{}, fmt.Errorf("event %s: want a JSON or YAML object: %w", path, err)
	}
	if _, ok := object["specversion"]; ok {
		var e cloudevents.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			return cloudevents.Event{}, fmt.Errorf("event %s: %w", path, err)
		}
		if err := e.Validate(); err != nil {
			return cloudevents.Event{}, fmt.Errorf("event %s: %w", path, err)
		}
		return e, nil
	}
	// A bare payload, or upstream's {event: {…}}.
	if inner, ok := object["event"].(map[string]any); ok && len(object) == 1 {
		object = inner
	}
	e := cloudevents.New()
	e.SetID("cli-" + string(newUID()))
	e.SetSource("/cli")
	e.SetType("dev.aof.cli.message")
	e.SetTime(s.Clock.Now())
	if err := e.SetData("application/json", object); err != nil {
		return cloudevents.Event{}, fmt.Errorf("event %s: %w", path, err)
	}
	return e, nil
}

func readBounded(path string, in io.Reader) ([]byte, error) {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("event: %w", err)
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	raw, err := io.ReadAll(io.LimitReader(in, event.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", path, err)
	}
	if len(raw) > event.MaxBytes {
		return nil, fmt.Errorf("event %s: %w: more than %d KiB", path, event.ErrTooLarge, event.MaxBytes>>10)
	}
	return raw, nil
}
