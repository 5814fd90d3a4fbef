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

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

// ErrNoWatch says that the server has no watch: list again.
var ErrNoWatch = errors.New("the server has no watch")

// Watch calls see for every change after a resourceVersion until see returns
// true or an error, the context ends, or the server ends the stream: it then
// returns false without an error, and the caller lists again.
func (c *Client) Watch(ctx context.Context, r Resource, s Selection, resourceVersion string, see func(watch.EventType, *unstructured.Unstructured) (bool, error)) (bool, error) {
	if c.dev {
		return false, ErrNoWatch
	}
	query := s.query()
	query.Set("watch", "1")
	query.Set("resourceVersion", resourceVersion)
	a := access{verb: "watch", resource: r, namespace: s.Namespace}
	resp, err := c.do(ctx, r.path(s.Namespace, "")+"?"+query.Encode(), nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // half an explanation is better than none
		if resp.StatusCode == http.StatusGone {
			return false, nil
		}
		return false, c.refused(a, resp.StatusCode, raw)
	}
	decoder := json.NewDecoder(resp.Body)
	for {
		var event struct {
			Type   watch.EventType
			Object json.RawMessage
		}
		if err := decoder.Decode(&event); err != nil {
			return false, nil // however a stream ends, the caller lists again and finds out
		}
		if event.Type == watch.Error || event.Type == watch.Bookmark {
			if event.Type == watch.Error {
				return false, nil
			}
			continue
		}
		var u unstructured.Unstructured
		if err := u.UnmarshalJSON(event.Object); err != nil {
			return false, fmt.Errorf("%s sent what can't be read: %w", c.where, err)
		}
		if done, err := see(event.Type, &u); done || err != nil {
			return done, err
		}
	}
}
