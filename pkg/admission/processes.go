// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"errors"

	"aof.dev/operator/pkg/names"
)

var errNobody = errors.New("the request says no user")

// Processes knows the operator's own processes by their service accounts. What
// they write is decided elsewhere: the API server spares them the webhook (the
// matchConditions of config/core), and the webhook lets them pass if it does not.
type Processes struct {
	// Namespace the operator is installed in.
	Namespace string
}

// define reports whether the user is the process that writes definitions: the
// controller. A runner is not: what its namespace lets its service account do
// beyond runs is decided by the people there.
func (p Processes) define(user string) bool { return user == account(p.Namespace, names.Controller) }

// run reports whether the user is one of the processes that write runs of a
// namespace: controller and adapter anywhere, a runner in its own.
func (p Processes) run(user, namespace string) bool {
	switch user {
	case account(p.Namespace, names.Controller), account(p.Namespace, names.Adapter), account(namespace, names.Runner):
		return true
	}
	return false
}

func account(namespace, name string) string {
	return "system:serviceaccount:" + namespace + ":" + name
}
