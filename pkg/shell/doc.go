// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package shell runs one POSIX/bash script, or one command, in process and
// within bounds. Values that come from outside (events, models, tools) are
// bound as variables: no text is ever spliced into the script.
//
// What a script may touch is the [Policy]'s to say. The zero Policy is the one
// for Transform nodes: builtins and a few text tools that live in this process,
// no programs, no files. Time, output, the text a script works on, recursion
// and concurrency are bounded ([Limits]); what passes a bound ends with an
// [Error] that says which. Programs are started in a process group of their own, which is killed when the script
// ends for whatever reason.
//
// The interpreter cannot be interrupted within a statement. So guards stand
// before each statement that expands anything: they bound what it may expand to
// before it does. "eval" and "source" are refused, and a trap may only call
// commands and functions, since nothing guards text that becomes code later.
//
// Not bounded: the memory and CPU time of started programs and the number of
// processes they start (the container's limits hold those), programs that leave
// their process group (setsid), the memory of one jq filter, and the size of
// files written. A reader given as Stdin that never returns keeps one goroutine.
//
// Executors (pkg/node) and whatever else runs commands may import it.
package shell
