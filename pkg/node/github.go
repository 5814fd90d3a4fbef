// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// defaultGitHub is where GitHub's API is, unless api_url says otherwise.
const defaultGitHub = "https://api.github.com"

var (
	repositoryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9._-]{1,100}$`)
	issueNumber    = regexp.MustCompile(`^[1-9][0-9]{0,9}$`)
	commitName     = regexp.MustCompile(`^[0-9a-fA-F]{7,64}$`)
)

// githubExecutor comments on issues and pull requests, and sets the status of
// commits.
type githubExecutor struct{ web *web }

// Execute implements Executor. The token is the setting token, else the secret
// GITHUB_TOKEN. Values are checked before they become part of a path.
func (e *githubExecutor) Execute(ctx context.Context, req Request) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	s := settings{renderer: newRenderer(req), values: req.Node.Config}
	path, body, err := s.githubCall()
	if err != nil {
		return Result{}, err
	}
	timeout, err := s.timeout(policyTimeout(req.Node, defaultRequestTime))
	if err != nil {
		return Result{}, err
	}
	ctx2, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	call, err := s.githubRequest(ctx2, path, body)
	if err != nil {
		return Result{}, err
	}
	a, err := e.web.do(ctx, s.renderer, call)
	if err != nil {
		return Result{}, err
	}
	if err := a.check(); err != nil {
		return Result{}, err
	}
	a.output["success"] = true
	if fields, ok := a.output["json"].(map[string]any); ok {
		a.output["url"], a.output["id"] = fields["html_url"], fields["id"]
	}
	return Result{Output: a.output}, nil
}

// githubCall gives the path and the body of what is to be done.
func (s settings) githubCall() (path string, body map[string]any, err error) {
	values := map[string]string{}
	for _, key := range []string{"action", "repository", "issue_number", "sha", "state", "context", "description", "target_url"} {
		if values[key], err = s.word(key); err != nil {
			return "", nil, err
		}
	}
	repository := values["repository"]
	if !repositoryName.MatchString(repository) || strings.HasSuffix(repository, "/.") || strings.HasSuffix(repository, "/..") {
		return "", nil, fail(ReasonInvalidConfig, "repository: must be owner/name")
	}
	switch action := strings.ToLower(values["action"]); action {
	case "add_comment", "comment":
		text, err := s.string("body", "message", "text")
		if err != nil {
			return "", nil, err
		}
		switch {
		case !issueNumber.MatchString(values["issue_number"]):
			return "", nil, fail(ReasonInvalidConfig, "issue_number: must be the number of an issue or a pull request")
		case strings.TrimSpace(text) == "":
			return "", nil, fail(ReasonInvalidConfig, "body: there is nothing to say")
		}
		return "/repos/" + repository + "/issues/" + values["issue_number"] + "/comments", map[string]any{"body": bound(text, 65_000)}, nil
	case "update_status", "set_status":
		state := strings.ToLower(values["state"])
		switch state {
		case "error", "failure", "pending", "success":
		default:
			return "", nil, fail(ReasonInvalidConfig, "state: must be error, failure, pending or success")
		}
		if !commitName.MatchString(values["sha"]) {
			return "", nil, fail(ReasonInvalidConfig, "sha: must be the hash of a commit")
		}
		body := map[string]any{"state": state}
		for _, key := range []string{"context", "description", "target_url"} {
			if values[key] != "" {
				body[key] = bound(values[key], 140)
			}
		}
		return "/repos/" + repository + "/statuses/" + values["sha"], body, nil
	default:
		return "", nil, noAction("GitHub", action, "add_comment", "update_status")
	}
}

func (s settings) githubRequest(ctx context.Context, path string, body map[string]any) (*http.Request, error) {
	base, err := url.Parse(defaultGitHub)
	if err != nil {
		return nil, fail(ReasonInvalidConfig, "the request makes no sense")
	}
	if src, _ := s.values["api_url"].(string); src != "" {
		if base, err = s.address(src); err != nil {
			return nil, at("api_url", err)
		}
	}
	token, err := s.word("token")
	if err != nil {
		return nil, err
	}
	if token == "" {
		if token, err = s.text("${GITHUB_TOKEN:-}"); err != nil {
			return nil, err
		}
	}
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return nil, fail(ReasonInvalidConfig, "token: there is none; set the credential GITHUB_TOKEN")
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fail(ReasonInvalidConfig, "the request makes no sense")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(base.String(), "/")+path, bytes.NewReader(raw))
	if err != nil {
		return nil, fail(ReasonInvalidConfig, "the request makes no sense")
	}
	for name, value := range map[string]string{
		"Accept": "application/vnd.github+json", "Content-Type": "application/json", "User-Agent": "aof",
		"X-GitHub-Api-Version": "2022-11-28", "Authorization": "Bearer " + token,
	} {
		req.Header.Set(name, value)
	}
	return req, nil
}
