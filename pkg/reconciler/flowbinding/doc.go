// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package flowbinding brings FlowBindings about: it compiles what a binding
// refers to into an immutable plan, keeps one scale-to-zero runner for each
// namespace with bindings, and subscribes it to the trigger's broker for the
// binding's events. It promises that a plan is there before events are sent to
// it, that a plan stays while an unfinished run needs it, and that a binding that
// is deleted leaves nothing behind in its own or the trigger's namespace. It
// never runs a flow and never reads a secret's value but its own token.
package flowbinding
