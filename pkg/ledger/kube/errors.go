// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"aof.dev/operator/pkg/ledger"
)

// maxMessage bounds what is shown of the API's words: it repeats what it refuses.
const maxMessage = 300

// apiError is what the API answered and what that means to callers of a ledger.
type apiError struct {
	// kind is one of the ledger's errors, nil when it has none for this.
	kind  error
	cause error
}

// Error says both, within bounds.
func (e *apiError) Error() string {
	text := e.cause.Error()
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	if e.kind == nil {
		return text
	}
	return e.kind.Error() + ": " + text
}

// Unwrap lets callers test for either.
func (e *apiError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.cause}
	}
	return []error{e.kind, e.cause}
}

func mapped(err error) error {
	if err == nil {
		return nil
	}
	return &apiError{kind: kindOf(err), cause: err}
}

func kindOf(err error) error {
	switch {
	case apierrors.IsAlreadyExists(err):
		return ledger.ErrExists
	case apierrors.IsConflict(err):
		return ledger.ErrConflict
	case apierrors.IsNotFound(err):
		return ledger.ErrNotFound
	case apierrors.IsRequestEntityTooLargeError(err), overEtcd(err):
		return ledger.ErrTooLarge
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsResourceExpired(err), apierrors.IsGone(err):
		return ledger.ErrInvalid
	case apierrors.IsUnauthorized(err), apierrors.IsForbidden(err), apierrors.IsMethodNotSupported(err):
		return nil // asking again won't help
	default:
		return ledger.ErrUnavailable
	}
}

// overEtcd says whether the database refused an object for its size. The API
// passes that on as an internal error with the database's words.
func overEtcd(err error) bool {
	text := err.Error()
	return strings.Contains(text, "etcdserver: request is too large") || strings.Contains(text, "trying to send message larger than max")
}

func tooLarge(size int) error {
	return fmt.Errorf("%w: %d bytes, the limit is %d", ledger.ErrTooLarge, size, ledger.MaxRunBytes)
}

// about puts what was tried before an error. A name that is no name does not
// blow the message up.
func about(verb, namespace, name string, err error) error {
	if err == nil {
		return nil
	}
	const limit = 253
	if len(namespace) > limit || len(name) > limit {
		return fmt.Errorf("%s run with an overlong name: %w", verb, err)
	}
	return fmt.Errorf("%s run %s/%s: %w", verb, namespace, name, err)
}

var errNoVersion = errors.New("the API's answer holds no resourceVersion")
