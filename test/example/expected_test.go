// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package example

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// expected is an expected.yaml: what is done to the flows of its folder, and what
// must come of it.
type expected struct {
	// Refused, when set, is what validation must say of the files; nothing is run.
	Refused []string `json:"refused"`
	// Original are upstream's files that the folder re-tells.
	Original *original `json:"original"`
	// Env are credentials and other variables of the process.
	Env map[string]string `json:"env"`
	// Files are put into a scratch folder, which stands as @SCRATCH@ in everything.
	Files map[string]string `json:"files"`
	// Programs are shell scripts on the PATH.
	Programs map[string]string `json:"programs"`
	// Web answers requests: by "METHOD host/path", status and body.
	Web map[string]answer `json:"web"`
	// Channels are Slack's, by id.
	Channels map[string]string `json:"channels"`
	Cases    []scenario        `json:"cases"`
}

type original struct {
	// Folder is where they are, below upstream's; Files names some of them only.
	Folder string   `json:"folder"`
	Files  []string `json:"files"`
	// Replace changes texts in what the import gives, such as paths.
	Replace map[string]string `json:"replace"`
	// Differs says which scenarios the original can't be held to, and why.
	Differs map[string]string `json:"differs"`
}

type answer struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
}

// scenario is an event and what is done after it.
type scenario struct {
	Name string `json:"name"`
	// One of these sends the event.
	Slack *slackMessage  `json:"slack"`
	Event map[string]any `json:"event"` // a CloudEvent; aoftrigger names the Trigger
	Hook  *hook          `json:"hook"`
	Run   *byHand        `json:"run"`
	// Then is done one after the other, each when all is quiet.
	Then []step  `json:"then"`
	Want outcome `json:"want"`
}

type slackMessage struct {
	Trigger string `json:"trigger"`
	Channel string `json:"channel"`
	User    string `json:"user"`
	Text    string `json:"text"`
	Mention bool   `json:"mention"`
	Command string `json:"command"`
}

type hook struct {
	Trigger string            `json:"trigger"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// byHand runs a flow as `aof run` does.
type byHand struct {
	Flow    string         `json:"flow"`
	Context string         `json:"context"`
	Event   map[string]any `json:"event"`
}

type step struct {
	// Press is approve or deny: a button of the latest question in Slack.
	Press string `json:"press"`
	// React is an emoji under the latest message in Slack.
	React string `json:"react"`
	// Decide is approve or deny, by the API.
	Decide string `json:"decide"`
	By     string `json:"by"`
	// Pass is how much time goes by.
	Pass string `json:"pass"`
}

// outcome is what must come of it. What is not mentioned is not looked at.
type outcome struct {
	// Runs is how many runs there are; 1 unless it is said.
	Runs *int `json:"runs"`
	// Phase of the run, or of the run of Flow when there are several.
	Phase string `json:"phase"`
	Flow  string `json:"flow"`
	// Result are parts of the result's text.
	Result []string `json:"result"`
	// Error are parts of what the run failed with.
	Error []string          `json:"error"`
	Nodes map[string]string `json:"nodes"`
	// Outputs are parts of the outputs of nodes, as JSON.
	Outputs map[string][]string `json:"outputs"`
	// Asked are parts of what people were asked, in order.
	Asked []string `json:"asked"`
	// Messages are what was posted to Slack, all of it and in order.
	Messages []posted `json:"messages"`
	// Ran are the programs that were started, with their arguments.
	Ran []string `json:"ran"`
	// Called are the requests that were sent: "METHOD host/path" and a part of the body.
	Called []called `json:"called"`
	// Written are parts of files in the scratch folder.
	Written map[string]string `json:"written"`
}

type posted struct {
	Channel string `json:"channel"`
	// Thread is "event" for the thread of the message that began it.
	Thread string   `json:"thread"`
	Says   []string `json:"says"`
}

type called struct {
	Request string `json:"request"`
	Body    string `json:"body"`
}

func readExpected(t *testing.T, dir string) expected {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "expected.yaml"))
	require.NoError(t, err)
	var e expected
	require.NoError(t, yaml.UnmarshalStrict(raw, &e), dir)
	return e
}
