// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"k8s.io/utils/clock"

	"aof.dev/operator/pkg/expr"
	"aof.dev/operator/pkg/flow"
)

// approvalExecutor asks people for a decision.
type approvalExecutor struct {
	clock clock.PassiveClock
	asker *asker
}

// Digest binds a decision to what was asked: the SHA-256, in hex, of the node's
// id, a NUL and the message as people saw it.
func Digest(nodeID, message string) string {
	sum := sha256.Sum256([]byte(nodeID + "\x00" + message))
	return hex.EncodeToString(sum[:])
}

// Execute suspends the run. The details say who may decide (approvers, and
// min_approvers and allow_self_approval when given), what happens when nobody
// does (fallback), who asked (requested_by) and what exactly is decided (digest).
func (e *approvalExecutor) Execute(ctx context.Context, req Request) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	s := settings{renderer: newRenderer(req), values: req.Node.Config}
	message, err := s.string("message")
	if err != nil {
		return Result{}, err
	}
	if strings.TrimSpace(message) == "" {
		message = "Approval required"
	}
	otherwise := defaultPatience
	if t := req.Approval.Timeout; t > 0 {
		otherwise = t
	}
	patience, err := s.timeout(policyTimeout(req.Node, otherwise))
	if err != nil {
		return Result{}, err
	}
	details := req.Run.place()
	req.Approval.describe(details)
	if err := s.decision(details, req.Approval); err != nil {
		return Result{}, err
	}
	details["digest"] = Digest(req.Node.ID, message)
	if who := requester(req.Scope); who != "" {
		details["requested_by"] = who
	}
	wait := &flow.Wait{Kind: flow.WaitApproval, Message: message, Until: e.clock.Now().Add(patience), Details: details}
	e.asker.ask(ctx, req, wait)
	return Result{Wait: wait}, nil
}

// decision adds who may decide, and what counts when nobody does. The node says
// who; of how many are needed, it can only ask for more than the Context does.
func (s settings) decision(details map[string]any, general Approval) error {
	approvers, err := s.list("approvers")
	if err != nil {
		return err
	}
	if len(approvers) > 0 {
		names := make([]any, len(approvers))
		for i, name := range approvers {
			names[i] = name
		}
		details["approvers"] = names
	}
	fallback, err := s.word("fallback")
	if err != nil {
		return err
	}
	switch strings.ToLower(fallback) {
	case "", "reject", "deny":
		details["fallback"] = "reject"
	case "approve":
		details["fallback"] = "approve"
	default:
		return fail(ReasonInvalidConfig, "fallback: must be reject or approve")
	}
	if v, ok := s.first("allow_self_approval"); ok {
		if details["allow_self_approval"], err = s.deep(v); err != nil {
			return at("allow_self_approval", err)
		}
	}
	if v, ok := s.first("min_approvers"); ok {
		filled, err := s.deep(v)
		if err != nil {
			return at("min_approvers", err)
		}
		if n, err := strconv.Atoi(expr.Text(filled)); err != nil || n > general.MinApprovers {
			details["min_approvers"] = filled
		}
	}
	channel, err := s.word("notification_channel")
	if err != nil {
		return err
	}
	if channel != "" {
		details["channel"] = channel
		delete(details, "thread")
	}
	return nil
}

// requester is who caused the event, by id.
func requester(scope expr.Resolver) string {
	if scope == nil {
		return ""
	}
	for _, path := range []expr.Path{{"event", "user", "id"}, {"event", "user_id"}, {"event", "user"}} {
		if v, ok := scope.Resolve(path); ok {
			if who := expr.Text(v); who != "" {
				return bound(who, 256)
			}
		}
	}
	return ""
}
