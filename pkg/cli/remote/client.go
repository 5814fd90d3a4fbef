// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/transport"
)

const (
	// maxAnswer bounds what is read of one answer.
	maxAnswer = 64 << 20
	// patience is how long one request may take that is no stream.
	patience = 30 * time.Second
	// pageSize is how many objects of a list are asked for at once.
	pageSize = 500

	contentJSON       = "application/json"
	contentMergePatch = "application/merge-patch+json"
)

// Client talks to one server.
type Client struct {
	base string
	http *http.Client
	// dev says that the server is aof dev.
	dev       bool
	as        string // the user of aof dev; clusters have it in their transport
	where     string
	namespace string
	warn      func(text string)
}

// Dev is a client of the aof dev at that URL, as a user or, without one, as
// whoever started it.
func Dev(server, as string) *Client {
	return &Client{
		base: strings.TrimRight(server, "/"), http: &http.Client{}, dev: true, as: as, where: "aof dev at " + server,
		warn: func(string) {},
	}
}

// IsDev says whether the server is aof dev: it has no watch and needs no rights.
func (c *Client) IsDev() bool { return c.dev }

// Where names the server for people.
func (c *Client) Where() string { return c.where }

// Namespace is the one that is meant when none is given; empty means all.
func (c *Client) Namespace() string { return c.namespace }

// Resource is a kind of objects as it stands in a path.
type Resource struct{ Group, Version, Plural string }

// String is how RBAC and kubectl call it.
func (r Resource) String() string {
	if r.Group == "" {
		return r.Plural
	}
	return r.Plural + "." + r.Group
}

func (r Resource) path(namespace, name string) string {
	path := "/apis/" + r.Group + "/" + r.Version + "/"
	if r.Group == "" {
		path = "/api/" + r.Version + "/"
	}
	if namespace != "" {
		path += "namespaces/" + url.PathEscape(namespace) + "/"
	}
	path += r.Plural
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return path
}

// Selection says which objects of a list are wanted.
type Selection struct {
	// Namespace; empty means all.
	Namespace string
	// Labels and Fields select as the Kubernetes API does. aof dev has neither.
	Labels, Fields string
}

func (s Selection) query() url.Values {
	q := url.Values{}
	if s.Labels != "" {
		q.Set("labelSelector", s.Labels)
	}
	if s.Fields != "" {
		q.Set("fieldSelector", s.Fields)
	}
	return q
}

// List gives all objects of a selection, page by page where the server has pages.
func (c *Client) List(ctx context.Context, r Resource, s Selection) (*unstructured.UnstructuredList, error) {
	all := &unstructured.UnstructuredList{}
	query := s.query()
	query.Set("limit", strconv.Itoa(pageSize))
	for {
		var page unstructured.UnstructuredList
		err := c.object(ctx, access{verb: "list", resource: r, namespace: s.Namespace}, r.path(s.Namespace, "")+"?"+query.Encode(), nil, &page)
		if err != nil {
			return nil, err
		}
		all.Items = append(all.Items, page.Items...)
		all.SetResourceVersion(page.GetResourceVersion())
		if page.GetContinue() == "" {
			return all, nil
		}
		query.Set("continue", page.GetContinue())
	}
}

// Get gives one object.
func (c *Client) Get(ctx context.Context, r Resource, namespace, name string) (*unstructured.Unstructured, error) {
	return c.one(ctx, access{"get", r, namespace, name}, r.path(namespace, name), nil)
}

// Create adds an object.
func (c *Client) Create(ctx context.Context, r Resource, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	raw, err := object.MarshalJSON()
	if err != nil {
		return nil, err
	}
	a := access{"create", r, object.GetNamespace(), object.GetName()}
	return c.one(ctx, a, r.path(object.GetNamespace(), ""), &body{http.MethodPost, contentJSON, raw})
}

// Merge changes an object by a JSON merge patch. With metadata.resourceVersion in
// the patch it is refused when the object has changed since.
func (c *Client) Merge(ctx context.Context, r Resource, namespace, name string, patch any) (*unstructured.Unstructured, error) {
	raw, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	return c.one(ctx, access{"patch", r, namespace, name}, r.path(namespace, name), &body{http.MethodPatch, contentMergePatch, raw})
}

func (c *Client) one(ctx context.Context, a access, path string, b *body) (*unstructured.Unstructured, error) {
	var u unstructured.Unstructured
	if err := c.object(ctx, a, path, b, &u); err != nil {
		return nil, err
	}
	return &u, nil
}

// body is what a request sends; nil makes it a GET.
type body struct {
	method, contentType string
	content             []byte
}

// object asks for something that is a Kubernetes object.
func (c *Client) object(ctx context.Context, a access, path string, b *body, into json.Unmarshaler) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	resp, err := c.do(ctx, path, b)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading from %s: %w", c.where, err)
	}
	if resp.StatusCode/100 != 2 {
		return c.refused(a, resp.StatusCode, raw)
	}
	if err := into.UnmarshalJSON(raw); err != nil {
		return fmt.Errorf("%s does not answer as %s does: %w", c.base, c.role(), err)
	}
	return nil
}

func (c *Client) role() string {
	if c.dev {
		return "aof dev"
	}
	return "a Kubernetes API server"
}

// do sends one request; the answer's body is the caller's to close.
func (c *Client) do(ctx context.Context, path string, b *body) (*http.Response, error) {
	if b == nil {
		b = &body{method: http.MethodGet}
	}
	req, err := http.NewRequestWithContext(ctx, b.method, c.base+path, bytes.NewReader(b.content))
	if err != nil {
		return nil, &UnreachableError{Where: c.where, dev: c.dev, Err: err}
	}
	req.Header.Set("Accept", contentJSON)
	if c.as != "" {
		req.Header.Set(transport.ImpersonateUserHeader, c.as)
	}
	if b.contentType != "" {
		req.Header.Set("Content-Type", b.contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &UnreachableError{Where: c.where, dev: c.dev, Err: err}
	}
	warnings, _ := utilnet.ParseWarningHeaders(resp.Header.Values("Warning"))
	for _, w := range warnings {
		c.warn(w.Text)
	}
	return resp, nil
}
