// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kube is a Kubernetes API for tests of those who read and write objects by
// name: a TLS server with objects in memory. It promises to be as strict as the
// real one where that matters to them: no request without the token, an object of
// a name once, a write with an old resourceVersion is a conflict, and an object
// comes back under a version of its own. It can be told to fail, also after it
// has stored what it was sent, as an API does whose answer gets lost.
//
// Only tests import it, as fakekube.
package kube
