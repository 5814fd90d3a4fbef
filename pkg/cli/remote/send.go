// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxExplanation bounds what is read of a refusal.
const maxExplanation = 64 << 10

// NotTakenError says that a receiver of events did not take one.
type NotTakenError struct {
	Code int
	Text string
}

// Error is the code and what the receiver said.
func (e *NotTakenError) Error() string {
	return fmt.Sprintf("the event was refused (%d): %s", e.Code, strings.TrimSpace(e.Text))
}

// Send posts an event to a path of the server.
func (c *Client) Send(ctx context.Context, path, contentType string, content []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	resp, err := c.do(ctx, path, &body{http.MethodPost, contentType, content})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 == 2 {
		return nil
	}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxExplanation)) // half an explanation is better than none
	return &NotTakenError{resp.StatusCode, string(raw)}
}

// SendTo posts an event to any URL, without the user's credentials.
func SendTo(ctx context.Context, target, contentType string, content []byte) error {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("%q is no http or https URL", target)
	}
	plain := &Client{base: target, where: u.Host, http: &http.Client{}, warn: func(string) {}}
	err = plain.Send(ctx, "", contentType, content)
	var unreachable *UnreachableError
	if errors.As(err, &unreachable) {
		return fmt.Errorf("%s does not answer: %w", u.Host, unreachable.Err)
	}
	return err
}

// SendToService posts an event to a Service of the cluster through the API
// server's proxy: address is the Service's URL inside the cluster.
func (c *Client) SendToService(ctx context.Context, address, contentType string, content []byte) error {
	path, namespace, err := proxyPath(address)
	if err != nil {
		return err
	}
	err = c.Send(ctx, path, contentType, content)
	var refused *NotTakenError
	if !errors.As(err, &refused) {
		return err
	}
	// What comes from the API server itself is a Status; the rest is the broker's.
	var status metav1.Status
	if json.Unmarshal([]byte(refused.Text), &status) != nil || status.Kind != "Status" {
		return err
	}
	return c.refused(access{verb: "create", resource: Resource{Version: "v1", Plural: "services/proxy"}, namespace: namespace}, refused.Code, []byte(refused.Text))
}

// proxyPath is where the API server passes requests on to a Service.
func proxyPath(address string) (path, namespace string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", "", fmt.Errorf("%q is no URL", address)
	}
	parts := strings.Split(u.Hostname(), ".")
	if len(parts) < 3 || parts[2] != "svc" {
		return "", "", fmt.Errorf("%s is no Service of the cluster", address)
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	service := parts[0] + ":" + port
	if u.Scheme == "https" {
		service = "https:" + service
	}
	path = "/api/v1/namespaces/" + url.PathEscape(parts[1]) + "/services/" + service + "/proxy" + u.EscapedPath()
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return path, parts[1], nil
}
