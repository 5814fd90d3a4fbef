// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package shell runs one POSIX/bash script, or one command, in process and
// within bounds. Values that come from outside (events, models, tools) are
// bound as variables: no text is ever spliced into the script.
//
// What a script may touch is the [Policy]'s to say. The zero Policy is the one
// for Transform nodes: builtins and a few text tools that live in this process,
// no programs, no files. Time, output, the text a script works on, recursion
// and concurrency are bounded, and each bound has its own [Reason]. Programs
// are started in a process group of their own, which is killed when the script
// ends for whatever reason.
//
// Not bounded: the memory and CPU time of started programs (the container's
// limits hold those), the memory of one jq filter, and text that "source" and
// "trap" bring in at run time, which only time, output and recursion bound.
//
// Executors (pkg/node) and whatever else runs commands may import it.
package shell
