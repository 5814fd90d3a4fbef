// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package slack

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	slackapi "github.com/slack-go/slack"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/source"
)

const (
	// maxText is what Slack takes in one message, in characters.
	maxText = 40_000
	// notice ends a text that was cut.
	notice = "\n… (cut: too long for Slack)"
	// maxBlocks is what Slack takes in one message.
	maxBlocks = 50
	// maxBlockDepth bounds the nesting of blocks.
	maxBlockDepth = 32
)

// sayable makes a text of anybody's one that alerts nobody but whom it names,
// and that Slack takes.
func sayable(text string) string { return shortened(neutral(visible(text))) }

// shortened cuts a text to what Slack takes.
func shortened(text string) string {
	if utf8.RuneCountInString(text) <= maxText {
		return text
	}
	room := maxText - utf8.RuneCountInString(notice)
	for i := range text {
		if room == 0 {
			return text[:i] + notice
		}
		room--
	}
	return text
}

// neutral takes the effect of Slack's special mentions, <!channel>, <!here>,
// <!everyone> and those of user groups: they are shown as they are written.
func neutral(text string) string {
	return strings.ReplaceAll(text, "<!", "&lt;!")
}

// block is a block as the flow wrote it. The client knows many kinds, but Slack
// knows more.
type block map[string]any

var _ slackapi.Block = block(nil)

// BlockType is the kind of block.
func (b block) BlockType() slackapi.MessageBlockType {
	t, _ := b["type"].(string)
	return slackapi.MessageBlockType(t)
}

// ID is the block's own name.
func (b block) ID() string {
	id, _ := b["block_id"].(string)
	return id
}

// makeBlocks reads the blocks of a target; none for other formats.
func makeBlocks(to source.Target, text string) ([]slackapi.Block, error) {
	if to.Ask != nil {
		return askBlocks(text, *to.Ask)
	}
	if len(to.Blocks) == 0 || to.Format != "blocks" {
		return nil, nil
	}
	if len(to.Blocks) > maxBlocks {
		return nil, malformed("the message has more than 50 blocks")
	}
	blocks := make([]slackapi.Block, 0, len(to.Blocks))
	for _, given := range to.Blocks {
		b, ok := given.(map[string]any)
		if !ok {
			return nil, malformed("a block is no object")
		}
		quiet, ok := quietened(b, to.Sorted, maxBlockDepth)
		if b, isObject := quiet.(map[string]any); ok && isObject {
			blocks = append(blocks, block(b))
			continue
		}
		return nil, malformed("a block is nested too deep")
	}
	if _, err := json.Marshal(blocks); err != nil {
		return nil, malformed("a block is no JSON")
	}
	return blocks, nil
}

// ownAction begins the names of this product's buttons: a block that has one would
// be taken for a question of ours.
const ownAction = "aof_"

// quietened copies a part of a block without what values in it could do: alert
// people, look like links, be our buttons. Of blocks that are not sorted all may be
// values. False when it is nested too deep.
func quietened(v any, sorted bool, depth int) (any, bool) {
	if depth == 0 {
		return nil, false
	}
	switch v := v.(type) {
	case expr.Marked:
		return neutral(visible(v.Text)), true
	case string:
		if !sorted {
			v = neutral(v)
		}
		return v, true
	case map[string]any:
		_, data := v["type"].(expr.Marked)
		if t := plain(v["type"]); (data || !sorted) && (t == "broadcast" || t == "usergroup") {
			return map[string]any{"type": "text", "text": "@group"}, true
		}
		quiet := make(map[string]any, len(v))
		for key, e := range v {
			q, ok := quietened(e, sorted, depth-1)
			if !ok {
				return nil, false
			}
			if name, isText := q.(string); isText && key == "action_id" && strings.HasPrefix(name, ownAction) {
				q = "x_" + name
			}
			quiet[key] = q
		}
		if m, marked := v["text"].(expr.Marked); marked && plain(v["type"]) == "mrkdwn" {
			quiet["text"] = markup(m)
		}
		return quiet, true
	case []any:
		quiet := make([]any, len(v))
		for i, e := range v {
			q, ok := quietened(e, sorted, depth-1)
			if !ok {
				return nil, false
			}
			quiet[i] = q
		}
		return quiet, true
	default:
		return v, true
	}
}

func plain(v any) string {
	if m, marked := v.(expr.Marked); marked {
		return m.Text
	}
	s, _ := v.(string)
	return s
}
