// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// defaultServer is where aof dev listens unless told otherwise.
const defaultServer = "http://127.0.0.1:8080"

// maxAnswer bounds what is read from a server.
const maxAnswer = 64 << 20

// client reads our kinds from a server that answers as the Kubernetes API does.
type client struct {
	base string
	http *http.Client
}

func newClient(server string) *client {
	return &client{strings.TrimRight(server, "/"), &http.Client{Timeout: 30 * time.Second}}
}

// list gives the objects of one kind; an empty namespace means all of them.
func (c *client) list(ctx context.Context, r resource, namespace string) ([]unstructured.Unstructured, error) {
	var list unstructured.UnstructuredList
	if err := c.get(ctx, c.path(r, namespace, ""), &list); err != nil {
		return nil, err
	}
	return list.Items, nil
}

// object gives one object.
func (c *client) object(ctx context.Context, r resource, namespace, name string) (*unstructured.Unstructured, error) {
	var u unstructured.Unstructured
	if err := c.get(ctx, c.path(r, namespace, name), &u); err != nil {
		return nil, err
	}
	return &u, nil
}

func (c *client) path(r resource, namespace, name string) string {
	path := c.base + "/apis/aof.dev/v1/"
	if namespace != "" {
		path += "namespaces/" + url.PathEscape(namespace) + "/"
	}
	path += r.Plural
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return path
}

func (c *client) get(ctx context.Context, path string, into json.Unmarshaler) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return badInput("server %q: %w", c.base, err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading from %s: %w", c.base, err)
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(c.base, resp.StatusCode, body)
	}
	if err := into.UnmarshalJSON(body); err != nil {
		return fmt.Errorf("%s does not answer as aof dev does: %w", c.base, err)
	}
	return nil
}

// unreachable says that the server does not answer, and what to do.
func (c *client) unreachable(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err
	}
	return badInput("nobody answers at %s: %w\n     start one with `aof dev -f PATH`, or name another with --server or AOF_SERVER", c.base, err)
}

// refusal turns a Status object, or whatever else came, into an error.
func refusal(server string, code int, body []byte) error {
	var status metav1.Status
	if err := json.Unmarshal(body, &status); err == nil && status.Message != "" {
		return &ExitError{Code: ExitFailed, Err: errors.New(status.Message)}
	}
	return &ExitError{Code: ExitFailed, Err: fmt.Errorf("%s answered %d %s", server, code, http.StatusText(code))}
}
