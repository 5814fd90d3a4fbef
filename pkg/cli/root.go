// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import "github.com/spf13/cobra"

// commands lists every verb, in the order help shows them.
func commands(env *Env) []*cobra.Command {
	return []*cobra.Command{
		newValidateCommand(env),
		newImportCommand(env),
		newRunCommand(env),
		newExplainCommand(env),
		newDevCommand(env),
		newSendCommand(env),
		newRunsCommand(env),
		newGetCommand(env),
		newDescribeCommand(env),
		newLogsCommand(env),
		newDecideCommand(env, true),
		newDecideCommand(env, false),
		newCancelCommand(env),
		newRetryCommand(env),
		newReplayCommand(env),
	}
}
