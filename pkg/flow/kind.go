// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flow

import "strings"

// Kind says what a node does. The constants are the canonical spellings;
// ParseKind knows the others.
type Kind string

// The kinds of node.
const (
	KindTransform   Kind = "Transform"   // a script that exports variables
	KindAgent       Kind = "Agent"       // one turn of an agent, or of a fleet
	KindFleet       Kind = "Fleet"       // one round of a fleet
	KindScript      Kind = "Script"      // a command or a tool
	KindConditional Kind = "Conditional" // a choice
	KindSlack       Kind = "Slack"       // a message to Slack
	KindDiscord     Kind = "Discord"     // a message to Discord
	KindTelegram    Kind = "Telegram"    // a message to Telegram
	KindResponse    Kind = "Response"    // a reply to where the event came from
	KindHTTP        Kind = "HTTP"        // a request
	KindWait        Kind = "Wait"        // a pause, or waiting for a reaction
	KindParallel    Kind = "Parallel"    // a marker where branches begin
	KindJoin        Kind = "Join"        // where branches meet: all, any or majority
	KindApproval    Kind = "Approval"    // waiting for a human's decision
	KindGitHub      Kind = "GitHub"      // a comment or a commit status
	KindNotify      Kind = "Notify"      // a message to where the context says
	KindLoop        Kind = "Loop"        // the same node for each item, or while a condition holds
	KindEnd         Kind = "End"         // the result of the flow
)

// Kinds returns every kind, in the order of the constants.
func Kinds() []Kind {
	return []Kind{
		KindTransform, KindAgent, KindFleet, KindScript, KindConditional, KindSlack, KindDiscord, KindTelegram, KindResponse,
		KindHTTP, KindWait, KindParallel, KindJoin, KindApproval, KindGitHub, KindNotify, KindLoop, KindEnd,
	}
}

// ParseKind reads the type of a node as users write it, in any case and with the
// synonyms Shell and Execute (Script), Merge (Join), HumanApproval and Human
// (Approval), Condition (Conditional) and Split (Parallel).
func ParseKind(s string) (Kind, bool) {
	switch name := strings.ToLower(strings.TrimSpace(s)); name {
	case "shell", "execute":
		return KindScript, true
	case "merge":
		return KindJoin, true
	case "humanapproval", "human_approval", "human":
		return KindApproval, true
	case "condition":
		return KindConditional, true
	case "split":
		return KindParallel, true
	default:
		for _, k := range Kinds() {
			if strings.ToLower(string(k)) == name {
				return k, true
			}
		}
		return "", false
	}
}

// Pure reports whether the engine evaluates nodes of this kind by itself, inside
// Step. There is never a Run command for them.
func (k Kind) Pure() bool {
	switch k {
	case KindConditional, KindParallel, KindJoin, KindEnd:
		return true
	case KindTransform, KindAgent, KindFleet, KindScript, KindSlack, KindDiscord, KindTelegram, KindResponse, KindHTTP, KindWait,
		KindApproval, KindGitHub, KindNotify, KindLoop:
		return false
	default:
		return false
	}
}
