// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"encoding/json"
	"unicode/utf8"

	slackapi "github.com/slack-go/slack"

	"aof.dev/operator/pkg/event"
	"aof.dev/operator/pkg/source"
)

// The buttons under a question.
const (
	actionApprove = "aof_approve"
	actionDeny    = "aof_deny"
	// maxSection is what Slack takes in one section, in characters; maxValue in a
	// button's value.
	maxSection = 3000
	maxValue   = 2000
)

// askBlocks shows a text and a button for each answer. The text may be
// anybody's, so it is plain: nothing in it is markup.
func askBlocks(text string, q source.Question) ([]slackapi.Block, error) {
	value, err := json.Marshal(q)
	if err != nil || len(value) > maxValue {
		return nil, malformed("the question does not fit a button")
	}
	button := func(id, label string, style slackapi.Style) *slackapi.ButtonBlockElement {
		b := slackapi.NewButtonBlockElement(id, string(value), slackapi.NewTextBlockObject(slackapi.PlainTextType, label, false, false))
		return b.WithStyle(style)
	}
	return []slackapi.Block{
		slackapi.NewSectionBlock(slackapi.NewTextBlockObject(slackapi.PlainTextType, firstRunes(visible(text), maxSection), false, false), nil, nil),
		slackapi.NewActionBlock("", button(actionApprove, "Approve", slackapi.StylePrimary), button(actionDeny, "Deny", slackapi.StyleDanger)),
	}, nil
}

// settledBlocks show what was asked and what became of it.
func settledBlocks(question, outcome string) []slackapi.Block {
	return []slackapi.Block{
		slackapi.NewSectionBlock(slackapi.NewTextBlockObject(slackapi.PlainTextType, firstRunes(visible(question), maxSection), false, false), nil, nil),
		slackapi.NewContextBlock("", slackapi.NewTextBlockObject(slackapi.MarkdownType, firstRunes(neutral(visible(outcome)), maxSection), false, false)),
	}
}

// hidden ends what was cut: nobody may take the rest for nothing.
const hidden = " (cut: there is more)"

func firstRunes(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-len(hidden)]) + hidden
}

// interaction is what Slack tells of a button that was pressed.
type interaction struct {
	Type string `json:"type"`
	Team struct {
		ID string `json:"id"`
	} `json:"team"`
	User struct {
		ID       string `json:"id"`
		Username string `json:"username"`
	} `json:"user"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	Message struct {
		TS       string `json:"ts"`
		ThreadTS string `json:"thread_ts"`
	} `json:"message"`
	Actions []struct {
		ID    string `json:"action_id"`
		Value string `json:"value"`
	} `json:"actions"`
}

// readInteraction reads a verified interactive payload. Only our own buttons
// mean something here.
func (r *receiver) readInteraction(payload []byte) (source.Delivery, error) {
	var in interaction
	if json.Unmarshal(payload, &in) != nil {
		return source.Delivery{}, malformed("the interactive payload is broken")
	}
	switch {
	case in.Type != "block_actions":
		return ignored("interactive payloads of this type are not taken"), nil
	case !r.workspace(in.Team.ID):
		return ignored("its workspace is not one of allowed_workspaces"), nil
	case in.User.ID == "":
		return source.Delivery{}, malformed("the interactive payload has no user")
	}
	for _, action := range in.Actions {
		if action.ID != actionApprove && action.ID != actionDeny {
			continue
		}
		q := &source.Question{}
		if len(action.Value) > maxValue || json.Unmarshal([]byte(action.Value), q) != nil || q.Run == "" {
			return source.Delivery{}, malformed("the button has no question")
		}
		thread := in.Message.ThreadTS
		if thread == "" {
			thread = in.Message.TS
		}
		answer := source.Answer{
			User:    event.User{ID: in.User.ID, Username: in.User.Username},
			Channel: in.Channel.ID, Message: in.Message.TS, Thread: thread, Question: q, Approved: action.ID == actionApprove,
		}
		return source.Delivery{Answers: []source.Answer{answer}}, nil
	}
	return ignored("the button is not one of ours"), nil
}
