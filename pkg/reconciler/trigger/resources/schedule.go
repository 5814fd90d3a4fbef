// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"encoding/json"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmeta"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/event"
)

// Schedule names the PingSource of a Trigger of type Schedule.
func Schedule(trigger string) string { return kmeta.ChildName("aof-schedule-", trigger) }

// MakePingSource makes what ticks for a Trigger of type Schedule: events to the
// Broker that say which Trigger they are of. A text in the config is what the
// events say.
func MakePingSource(t *aofv1.Trigger, broker string) *sourcesv1.PingSource {
	p := &sourcesv1.PingSource{
		ObjectMeta: owned(t, Schedule(t.Name), ""),
		Spec: sourcesv1.PingSourceSpec{
			SourceSpec: duckv1.SourceSpec{
				Sink: duckv1.Destination{Ref: &duckv1.KReference{
					APIVersion: eventingv1.SchemeGroupVersion.String(), Kind: "Broker", Namespace: t.Namespace, Name: broker,
				}},
				CloudEventOverrides: &duckv1.CloudEventOverrides{Extensions: map[string]string{event.ExtensionTrigger: t.Name}},
			},
			Schedule: t.Spec.ConfigString("cron"),
			Timezone: t.Spec.ConfigString("timezone"),
		},
	}
	if data := tickData(t); data != nil {
		p.Spec.ContentType, p.Spec.Data = "application/json", string(data)
	}
	return p
}

// tickData is what a tick carries: config.data as it stands, or config.text.
func tickData(t *aofv1.Trigger) []byte {
	data := map[string]any{}
	if object, ok := t.Spec.Config["data"].(map[string]any); ok {
		data = object
	} else if text := t.Spec.ConfigString("text"); text != "" {
		data["text"] = text
	}
	if len(data) == 0 {
		return nil
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		return nil // it came from JSON
	}
	return encoded
}
