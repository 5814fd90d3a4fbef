// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package route

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
)

// maxQuestions bounds how many questions of one Trigger are kept. Those beyond can
// be answered by their buttons and from the command line.
const maxQuestions = 2000

// Question says which run waits for what people do with a message: whoever sees a
// reaction to it knows the message only.
type Question struct {
	Channel   string `json:"channel"`
	Message   string `json:"message"`
	Namespace string `json:"namespace"`
	Run       string `json:"run"`
}

// QuestionsOf are the messages that a run waits under: that which asks for an
// approval, or the thread in which a reaction is waited for.
func QuestionsOf(run *aofv1.FlowRun) []Question {
	if run.IsDone() {
		return nil
	}
	var out []Question
	for i := range run.Status.Waiting {
		w := &run.Status.Waiting[i]
		channel, _ := w.Details["channel"].(string)
		message, _ := w.Details["ts"].(string)
		if message == "" && w.Kind == "Reaction" {
			message, _ = w.Details["thread"].(string)
		}
		if channel != "" && message != "" {
			out = append(out, Question{Channel: channel, Message: message, Namespace: run.Namespace, Run: run.Name})
		}
	}
	return out
}

// EncodeQuestions gives the stored form: equal questions give equal bytes.
func EncodeQuestions(questions []Question) ([]byte, error) {
	sorted := slices.SortedFunc(slices.Values(questions), func(a, b Question) int {
		return cmp.Or(cmp.Compare(b.Message, a.Message), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Run, b.Run))
	})
	return json.Marshal(sorted[:min(len(sorted), maxQuestions)])
}

// DecodeQuestions reads the stored form; nothing is none.
func DecodeQuestions(raw string) ([]Question, error) {
	if raw == "" {
		return nil, nil
	}
	var out []Question
	if err := json.Unmarshal([]byte(raw), &out); err != nil {
		return nil, fmt.Errorf("questions: %w", err)
	}
	return out, nil
}
