// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package egress is how flows reach out: the transport of every call that a node,
// a model or a platform's reply makes from a runner. It refuses addresses that
// lead into the pod or the machine below it, whatever name was asked for, and
// passes the trace of the run's event on.
//
// What it refuses is judged after the name was resolved and for every connection,
// so that neither a name that changes its mind nor a redirect leads around it. A
// proxy from the environment is a connection to the proxy. Composition roots
// import it.
package egress
