// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
)

// process is one program of the server.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
}

// startProcess starts a program whose output goes to a file.
func startProcess(program string, args []string, log string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	p := &process{name: program, log: log, cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = out, out, dieWithParent()
	started := make(chan error)
	go func() {
		// The kernel takes the thread that started it for its parent.
		runtime.LockOSThread()
		defer close(p.done)
		defer func() { _ = out.Close() }()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended is in its log
		}
	}()
	return p, <-started
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

// lastWords are the ends of the programs' logs.
func (s *Server) lastWords() string {
	const most = 2000
	var out bytes.Buffer
	for _, p := range s.processes {
		text, _ := os.ReadFile(p.log)
		if len(text) > most {
			text = text[len(text)-most:]
		}
		out.WriteString("--- " + p.name + "\n")
		out.Write(text)
	}
	return out.String()
}
