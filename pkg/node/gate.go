// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"aof.dev/operator/pkg/flow"
	"aof.dev/operator/pkg/shell"
)

// maxShown bounds what is shown of an action to those who decide.
const maxShown = 2000

// held is the error of an action that people have to agree to first.
type held struct{ wait *flow.Wait }

// Error says so.
func (*held) Error() string { return "people have to agree first" }

// permit asks the gate.
func (r *renderer) permit(a Action) error {
	if r.gate == nil {
		return nil
	}
	wait, err := r.gate(a)
	if err == nil && wait != nil {
		err = &held{wait}
	}
	return err
}

// gated executes nodes whose actions may be held at the gate: it turns that into
// a wait, and tells those who decide.
type gated struct {
	Executor

	asker *asker
}

// Execute implements Executor.
func (g *gated) Execute(ctx context.Context, req Request) (Result, error) {
	res, err := g.Executor.Execute(ctx, req)
	var h *held
	if !errors.As(err, &h) {
		return res, err
	}
	g.asker.ask(ctx, req, h.wait)
	return Result{Wait: h.wait}, nil
}

// GateWait is the wait of a node whose action people have to agree to.
func GateWait(req Request, a Action) *flow.Wait {
	details := req.Run.place()
	req.Approval.describe(details)
	details["gate"], details["command"] = true, shown(a.Text)
	details["digest"] = Digest(req.Node.ID, a.Fingerprint)
	details["fallback"] = "reject"
	if who := requester(req.Scope); who != "" {
		details["requested_by"] = who
	}
	message := "Node " + req.Node.ID + " is about to do the following. Approve it?\n" + shown(a.Text)
	return &flow.Wait{Kind: flow.WaitApproval, Message: message, Details: details}
}

// shown is what people see of an action. Of a long one it is the beginning and the
// end, and that something is missing: what matters may stand last.
func shown(text string) string {
	if len(text) <= maxShown {
		return bound(text, maxShown)
	}
	const head, tail = maxShown * 6 / 10, maxShown * 3 / 10
	missing := len(text) - head - tail
	return strings.ToValidUTF8(text[:head], "") + "\n[… " + strconv.Itoa(missing) + " bytes are not shown here …]\n" + strings.ToValidUTF8(text[len(text)-tail:], "")
}

// describe adds who may decide to the details of a wait.
func (a Approval) describe(details map[string]any) {
	users := make([]any, len(a.AllowedUsers))
	for i, user := range a.AllowedUsers {
		users[i] = user
	}
	details["approvers"] = users
	if a.MinApprovers > 1 {
		details["min_approvers"] = a.MinApprovers
	}
	if a.AllowSelf {
		details["allow_self_approval"] = true
	}
}

// reference finds our own references, which bring their quotes along, and the
// script's variables.
var reference = regexp.MustCompile(`"\$\{(AOF_REF_\d+)\}"|\$\{(\w+)\}|\$(\w+)`)

// scriptAction is a script with its values put in for reading; what is executed
// has them as variables.
func scriptAction(s shell.Script) Action {
	text := reference.ReplaceAllStringFunc(s.Source, func(match string) string {
		name := strings.Join(reference.FindStringSubmatch(match)[1:], "")
		if value, ok := s.Vars[name]; ok {
			return value
		}
		if value, ok := s.Env[name]; ok {
			return value
		}
		return match
	})
	return Action{Text: text, Fingerprint: fingerprint("script", s.Source, s.Vars, s.Env, s.Dir)}
}

func commandAction(argv []string, env map[string]string, dir string, reads bool) Action {
	words := make([]string, len(argv))
	for i, arg := range argv {
		if words[i] = arg; arg == "" || strings.ContainsAny(arg, " \t\n\"'\\$&|;<>()*?[]{}") {
			words[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return Action{Text: strings.Join(words, " "), Fingerprint: fingerprint("command", argv, env, dir), ReadOnly: reads}
}

func fileAction(path, content string, appends bool) Action {
	text := "write " + path + "\n" + content
	if appends {
		text = "append to " + path + "\n" + content
	}
	return Action{Text: text, Fingerprint: fingerprint("file", path, content, appends)}
}

// permitRequest asks the gate about a request.
func (r *renderer) permitRequest(req *http.Request) error {
	if r.gate == nil {
		return nil
	}
	var content []byte
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return fail(ReasonInvalidConfig, "the request makes no sense")
		}
		content, _ = io.ReadAll(body) // from memory
	}
	a := Action{
		Text:        strings.TrimSpace(req.Method + " " + req.URL.String() + "\n" + strings.ToValidUTF8(string(content), "\uFFFD")),
		Fingerprint: fingerprint("request", req.Method, req.URL.String(), req.Host, req.Header, content),
	}
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		a.ReadOnly = true
	}
	return r.permit(a)
}

// fingerprint is a text that two actions share only when they are the same.
func fingerprint(parts ...any) string {
	raw, err := json.Marshal(parts) // maps in the order of their keys
	if err != nil {
		return "" // of texts and maps of texts there is no such thing
	}
	return string(raw)
}
