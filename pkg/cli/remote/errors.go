// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// UnreachableError says that a server does not answer.
type UnreachableError struct {
	// Where names the server.
	Where string
	Err   error
	dev   bool
}

// Error says who does not answer, and what to do about it.
func (e *UnreachableError) Error() string {
	err := e.Err
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err
	}
	if e.dev {
		return fmt.Sprintf("nobody answers at %s: %v\n     start one with `aof dev -f PATH`, or name another with --server or AOF_SERVER",
			strings.TrimPrefix(e.Where, "aof dev at "), err)
	}
	return fmt.Sprintf("the cluster of %s does not answer: %v", e.Where, err)
}

// Unwrap gives the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// access is what a request wants to do, in the words of RBAC.
type access struct {
	verb            string
	resource        Resource
	namespace, name string
}

// right is what somebody has to be allowed.
func (a access) right() string {
	text := a.verb + " " + a.resource.String()
	if a.namespace == "" {
		return text + " in all namespaces"
	}
	return text + " in namespace " + a.namespace
}

// RefusedError is what a server said instead of doing as it was told. It wraps
// the API's own error, so that the predicates of apierrors hold.
type RefusedError struct {
	status *apierrors.StatusError
	access access
	where  string
	dev    bool
}

// Error is the server's message; where a right is missing it names the right.
func (e *RefusedError) Error() string {
	message := e.status.ErrStatus.Message
	switch {
	case e.dev && apierrors.IsMethodNotSupported(e.status):
		return fmt.Sprintf("%s can't %s: it only shows what happens", e.where, strings.TrimSuffix(e.access.right(), " in namespace "+e.access.namespace))
	case e.dev:
		return message
	case apierrors.IsUnauthorized(e.status):
		return fmt.Sprintf("%s does not know you: %s", e.where, message)
	case e.Forbidden():
		return fmt.Sprintf("%s\n     it needs the right to %s", message, e.access.right())
	case e.unknownKind():
		return fmt.Sprintf("the cluster of %s has no %s: is it installed there?", e.where, e.access.resource)
	default:
		return message
	}
}

// Unwrap gives the API's error.
func (e *RefusedError) Unwrap() error { return e.status }

// Forbidden says that the user lacks a right, and not that an admission rule
// said no.
func (e *RefusedError) Forbidden() bool {
	return apierrors.IsForbidden(e.status) && !strings.Contains(e.status.ErrStatus.Message, "admission webhook")
}

// Right is what the user would have to be allowed.
func (e *RefusedError) Right() string { return e.access.right() }

// unknownKind tells a kind that is not served from an object that is not there.
func (e *RefusedError) unknownKind() bool {
	details := e.status.ErrStatus.Details
	return apierrors.IsNotFound(e.status) && (details == nil || details.Name == "")
}

// IsForbidden says whether an error is about a right that is missing.
func IsForbidden(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused) && refused.Forbidden()
}

// IsUnknownKind says whether the server does not serve the kind at all.
func IsUnknownKind(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused) && refused.unknownKind()
}

// refused makes an error of an answer: a Status object, or whatever else came.
func (c *Client) refused(a access, code int, raw []byte) error {
	var status metav1.Status
	if err := json.Unmarshal(raw, &status); err != nil || status.Message == "" {
		status = metav1.Status{Message: fmt.Sprintf("%s answered %d %s", c.base, code, http.StatusText(code))}
	}
	status.Status, status.Code = metav1.StatusFailure, int32(code)
	return &RefusedError{status: &apierrors.StatusError{ErrStatus: status}, access: a, where: c.where, dev: c.dev}
}
