// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"aof.dev/operator/test/cluster/internal/place"
)

// maxRestarts is how often a component may end before the node gives up.
const maxRestarts = 5

// supervisor starts components, starts them again when they end, and reaps every orphan of the node.
type supervisor struct {
	place    place.Place
	mu       sync.Mutex
	running  map[int]component
	restarts map[string]int
	failed   chan error
}

func newSupervisor(p place.Place) *supervisor {
	return &supervisor{place: p, running: map[int]component{}, restarts: map[string]int{}, failed: make(chan error, 1)}
}

// start starts a component with its output in its log.
func (s *supervisor) start(c component) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pid, err := s.spawn(c)
	if err != nil {
		s.fail(fmt.Errorf("starting %s: %w", c.name, err))
		return
	}
	s.running[pid] = c
}

// spawn uses os.StartProcess because reap, and nobody else, waits for children.
func (s *supervisor) spawn(c component) (int, error) {
	path, err := exec.LookPath(c.name)
	if err != nil {
		return 0, err
	}
	out, err := os.OpenFile(s.place.Log(c.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	p, err := os.StartProcess(path, append([]string{c.name}, c.args...), &os.ProcAttr{Files: []*os.File{nil, out, out}, Env: append(os.Environ(), c.env...)})
	if err != nil {
		return 0, err
	}
	defer p.Release() //nolint:errcheck // it only forgets the handle
	return p.Pid, nil
}

func (s *supervisor) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// reap waits for children until the node can't go on.
func (s *supervisor) reap() error {
	go func() {
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, 0, nil)
			switch {
			case errors.Is(err, syscall.EINTR):
			case err != nil:
				time.Sleep(100 * time.Millisecond) // no child at the moment
			default:
				s.ended(pid, status)
			}
		}
	}()
	return <-s.failed
}

func (s *supervisor) ended(pid int, status syscall.WaitStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.running[pid]
	if !ok {
		return // an orphan
	}
	delete(s.running, pid)
	s.restarts[c.name]++
	how := fmt.Sprintf("%s ended (exit status %d, signal %d), see %s", c.name, status.ExitStatus(), status.Signal(), s.place.Log(c.name))
	fmt.Fprintln(os.Stderr, how)
	if s.restarts[c.name] > maxRestarts {
		s.fail(errors.New(how))
		return
	}
	time.AfterFunc(time.Second, func() { s.start(c) })
}
