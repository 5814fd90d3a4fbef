// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package expr

// Shell is a shell script with references in it that the shell itself could not read: those with a
// dot, a hyphen or an index in their path. ${NAME}, ${NAME:-x}, $NAME and {{…}} are the shell's own
// and stay as they are. A Shell is immutable.
type Shell struct{}

// ParseShell finds the references of a script with regard to its quotes, comments and here-documents.
// It returns a *SyntaxError for a default that can't be evaluated without the shell, for nesting
// deeper than MaxDepth and for a script longer than MaxScript. Whether the script is valid shell is
// the shell parser's business.
func ParseShell(string) (*Shell, error) { return nil, errNotImplemented }

// Refs lists the paths that will be bound, in the order of their first appearance, each once.
func (s *Shell) Refs() []Path { return nil }

// Bind returns the script with every reference replaced by the expansion of a variable, and the
// variables: AOF_REF_<n> by name with their final text, defaults applied. A value is never part of
// the script, so whatever it holds can't change what the script does. References do not split into
// words and do not glob. ErrTooLarge when the values together exceed MaxRendered.
func (s *Shell) Bind(Resolver) (script string, vars map[string]string, err error) {
	return "", nil, errNotImplemented
}
