// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package example

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/importer"
	"aof.dev/operator/pkg/local"
	"aof.dev/operator/pkg/manifest"
	fakeslack "aof.dev/operator/test/fake/slack"
)

// upstream is where the original files lie beside a checkout, when they do.
const upstream = "../../../shared/upstream"

func TestFlows(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("../../examples/flows/*/expected.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	for _, path := range folders {
		dir, err := filepath.Abs(filepath.Dir(path))
		require.NoError(t, err)
		e := readExpected(t, dir)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			if len(e.Refused) > 0 {
				refuse(t, dir, e)
				return
			}
			require.NotEmpty(t, e.Cases)
			for _, c := range e.Cases {
				t.Run(c.Name, func(t *testing.T) {
					t.Parallel()
					play(t, e, c, dir, filepath.Join(dir, "replies.yaml"))
				})
			}
			if e.Original != nil {
				t.Run("original", func(t *testing.T) {
					t.Parallel()
					playOriginal(t, dir, e)
				})
			}
		})
	}
}

// refuse asserts that the files are not taken, and what is said.
func refuse(t *testing.T, dir string, e expected) {
	t.Helper()
	result, err := importer.Import([]string{filepath.Join(dir, "broken.yaml")}, manifest.Options{})
	require.NoError(t, err)
	assert.True(t, result.Refused())
	var said strings.Builder
	for _, n := range result.Notes {
		said.WriteString(n.String() + "\n")
	}
	for _, part := range e.Refused {
		assert.Contains(t, said.String(), part)
	}
}

// playOriginal holds what upstream's own files import to, to the same outcomes.
func playOriginal(t *testing.T, dir string, e expected) {
	t.Helper()
	from := filepath.Join(upstream, filepath.FromSlash(e.Original.Folder))
	if _, err := os.Stat(from); err != nil {
		t.Skip("upstream's files are not beside this checkout")
	}
	paths := []string{from}
	if len(e.Original.Files) > 0 {
		paths = nil
		for _, name := range e.Original.Files {
			paths = append(paths, filepath.Join(from, filepath.FromSlash(name)))
		}
	}
	result, err := importer.Import(paths, manifest.Options{})
	require.NoError(t, err)
	require.False(t, result.Refused())
	for _, c := range e.Cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if why := e.Original.Differs[c.Name]; why != "" {
				t.Skip(why)
			}
			text := string(result.YAML())
			for old, put := range e.Original.Replace {
				require.Contains(t, text, old)
				text = strings.ReplaceAll(text, old, put)
			}
			folder := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(folder, "all.yaml"), []byte(text), 0o600))
			play(t, e, c, folder, filepath.Join(dir, "replies.yaml"))
		})
	}
}

// play has one scenario happen and looks at what came of it.
func play(t *testing.T, e expected, c scenario, dir, replies string) {
	t.Helper()
	s := newScene(t, e)
	files := s.copyFiles(dir)
	settings := s.settings(e, []string{files}, replies)
	if c.Run != nil {
		s.byHand(settings, c)
		return
	}
	s.serve(settings)
	s.send(c)
	runs := ptr.Deref(c.Want.Runs, 1)
	trigger := ""
	if c.Slack != nil {
		trigger = c.Slack.Trigger
	}
	for _, st := range c.Then {
		s.after(trigger, st, runs)
	}
	if runs == 0 {
		assert.Empty(t, s.runs())
		return
	}
	s.look(c.Want, s.runOf(c.Want, runs))
}

// copyFiles puts the manifests where the scratch folder's name stands in them.
func (s *scene) copyFiles(dir string) string {
	s.t.Helper()
	to := s.t.TempDir()
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	require.NoError(s.t, err)
	for _, path := range paths {
		if name := filepath.Base(path); name != "expected.yaml" && name != "replies.yaml" {
			raw, err := os.ReadFile(path)
			require.NoError(s.t, err)
			require.NoError(s.t, os.WriteFile(filepath.Join(to, name), []byte(s.replace.Replace(string(raw))), 0o600))
		}
	}
	return to
}

// byHand runs a flow as `aof run` does.
func (s *scene) byHand(settings local.Settings, c scenario) {
	s.t.Helper()
	world, problems := local.Load(settings.Files, manifest.Options{})
	require.NotNil(s.t, world, "%v", problems)
	ce := cloudevents.New()
	ce.SetID("1")
	ce.SetSource("/cli")
	ce.SetType("dev.aof.cli.message")
	ce.SetTime(start)
	require.NoError(s.t, ce.SetData("application/json", c.Run.Event))
	run, err := local.Once(s.t.Context(), settings, world, c.Run.Flow, c.Run.Context, ce)
	require.NoError(s.t, err)
	s.look(c.Want, *run)
}

// runOf waits for the run that the scenario looks at to come to its phase.
func (s *scene) runOf(want outcome, n int) (found aofv1.FlowRun) {
	s.t.Helper()
	s.until(func() string {
		runs := s.settled(n)
		at := slices.IndexFunc(runs, func(r aofv1.FlowRun) bool { return want.Flow == "" || r.Spec.Flow.Name == want.Flow })
		if at < 0 {
			return "there is no run of " + want.Flow
		}
		if found = runs[at]; string(found.Status.Phase) == want.Phase || found.IsDone() {
			return ""
		}
		return "the run is not " + want.Phase
	})
	return found
}

// look compares a run and its effects with what is expected.
func (s *scene) look(want outcome, run aofv1.FlowRun) {
	t := s.t
	t.Helper()
	phases, outputs := map[string]string{}, map[string]string{}
	var dump strings.Builder
	for i := range run.Status.Nodes {
		n := &run.Status.Nodes[i]
		phases[n.ID] = string(n.Phase)
		if n.Output != nil {
			outputs[n.ID] = string(n.Output.Raw)
		}
		fmt.Fprintf(&dump, "%s %s %+v %s\n", n.ID, n.Phase, n.Error, outputs[n.ID])
	}
	defer func() {
		if t.Failed() {
			t.Logf("%+v\n%s", run.Status.Error, dump.String())
		}
	}()
	assert.Equal(t, want.Phase, string(run.Status.Phase))
	for id, phase := range want.Nodes {
		if phase == "Pending" && phases[id] == "" {
			continue // not reached yet, so not in the journal
		}
		assert.Equal(t, phase, phases[id], "node %s", id)
	}
	for id, parts := range want.Outputs {
		for _, part := range parts {
			assert.Contains(t, outputs[id], part, id)
		}
	}
	result, failure := "", ""
	if run.Status.Result != nil {
		result = run.Status.Result.Text
	}
	if run.Status.Error != nil {
		failure = run.Status.Error.Node + ": " + run.Status.Error.Reason + ": " + run.Status.Error.Message
	}
	for _, part := range want.Result {
		assert.Contains(t, result, part)
	}
	for _, part := range want.Error {
		assert.Contains(t, failure, part)
	}
	s.lookAround(want, run)
}

// lookAround compares what the run did outside of itself.
func (s *scene) lookAround(want outcome, run aofv1.FlowRun) {
	t := s.t
	t.Helper()
	s.note(run)
	for _, part := range want.Asked {
		assert.Contains(t, strings.Join(s.asked, "\n"), part)
	}
	s.lookAtSlack(want)
	ran, err := os.ReadFile(s.ran)
	if err != nil {
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(string(ran)), "\n") {
		if line != "" {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	assert.ElementsMatch(t, want.Ran, lines, "programs that were started")
	requests := s.web.called()
	if assert.Len(t, requests, len(want.Called), "%+v", requests) {
		for i, c := range want.Called {
			assert.Equal(t, c.Request, requests[i].Request)
			assert.Contains(t, requests[i].Body, c.Body)
		}
	}
	for name, part := range want.Written {
		raw, err := os.ReadFile(filepath.Join(s.scratch, name))
		require.NoError(t, err)
		assert.Contains(t, string(raw), part, name)
	}
}

// lookAtSlack compares what stands in Slack. Two messages that nothing puts in an
// order may come in any.
func (s *scene) lookAtSlack(want outcome) {
	s.t.Helper()
	s.until(func() string { return unlike(want.Messages, s.slack.Messages()) })
}

// unlike says what of the messages is not as it should be; empty when nothing is.
func unlike(want []posted, messages []fakeslack.Message) string {
	if len(messages) != len(want) {
		return fmt.Sprintf("%d messages instead of %d: %+v", len(messages), len(want), messages)
	}
	messages = slices.Clone(messages)
	for _, m := range want {
		if m.Thread == "event" {
			m.Thread = eventTS
		}
		at := slices.IndexFunc(messages, func(got fakeslack.Message) bool {
			text := got.Text + "\n" + fmt.Sprint(got.Blocks...)
			return got.Channel == m.Channel && got.Thread == m.Thread && !slices.ContainsFunc(m.Says, func(part string) bool {
				return !strings.Contains(text, part)
			})
		})
		if at < 0 {
			return fmt.Sprintf("no message like %+v in %+v", m, messages)
		}
		messages = slices.Delete(messages, at, at+1)
	}
	return ""
}
