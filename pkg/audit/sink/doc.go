// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sink delivers audit records to where a Context wants them: standard
// output, a file, a webhook. A line that it says was delivered is with the
// receiver; a line that it says was not may be there all the same, and is
// delivered again with the same id. It keeps the order of the lines.
//
// A webhook that just failed is not asked again at once by this process, so that
// one that is down delays nobody. Composition roots and pkg/local import it.
package sink
