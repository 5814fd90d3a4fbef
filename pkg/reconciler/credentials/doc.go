// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package credentials knows which of a namespace's credentials are there, never
// what they are: the informer sees only Secrets with the one name that credentials
// have, and keeps their keys without the values. The reconcilers of this directory
// import it.
package credentials
