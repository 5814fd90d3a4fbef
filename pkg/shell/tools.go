// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// maxToolLine bounds one line that a text tool holds in memory, and maxSlurp
// what a tool holds that needs its whole input.
const (
	maxToolLine = 4 << 20
	maxSlurp    = 16 << 20
)

// tools are the commands that live in this process. They are a subset of what
// their namesakes do: an option they do not know is an error, status 2.
var tools = map[string]func(*toolRun) (int, error){
	"basename": basenameTool,
	"cat":      catTool,
	"cut":      cutTool,
	"date":     dateTool,
	"dirname":  dirnameTool,
	"grep":     grepTool,
	"head":     headTool,
	"jq":       jqTool,
	"sed":      sedTool,
	"seq":      seqTool,
	"sleep":    sleepTool,
	"sort":     sortTool,
	"tail":     tailTool,
	"tr":       trTool,
	"uniq":     uniqTool,
	"wc":       wcTool,
}

// alwaysOurs are the tools that are taken before any program: an image without
// jq must run the same flows.
var alwaysOurs = map[string]bool{"jq": true}

// toolIO is what surrounds one call of a tool.
type toolIO struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	dir            string
	env            []string
}

// toolRun is one call of a tool.
type toolRun struct {
	toolIO

	ctx   context.Context //nolint:containedctx // it is the context of this one call
	run   *run
	args  []string // without the name
	date  func() time.Time
	flush func() error
}

// usageError is a call the tool does not understand.
type usageError string

// Error implements error.
func (e usageError) Error() string { return string(e) }

// tool runs a tool and gives its status. Errors are said on stderr, as programs
// do.
func (r *run) tool(ctx context.Context, fn func(*toolRun) (int, error), args []string, tio toolIO) int {
	if tio.stdin == nil {
		tio.stdin = strings.NewReader("")
	}
	// A pipe whose writer never ends must not hold us when time is up.
	if f, ok := tio.stdin.(interface{ SetReadDeadline(t time.Time) error }); ok {
		stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
		defer stop()
	}
	out := bufio.NewWriter(&meter{run: r, w: tio.stdout})
	tio.stdout = out
	t := &toolRun{toolIO: tio, ctx: ctx, run: r, args: args[1:], date: r.clock.Now, flush: out.Flush}
	code, err := fn(t)
	if ferr := out.Flush(); err == nil && ferr != nil {
		return 1 // the reader is gone
	}
	if err != nil {
		fmt.Fprintf(tio.stderr, "%s: %s\n", args[0], bound(err.Error(), maxMessage))
		var usage usageError
		switch {
		case errors.As(err, &usage):
			return 2
		case code == 0:
			return 1
		}
	}
	return code
}

// inputs opens the named files, "-" being stdin; none named is stdin.
func (t *toolRun) inputs(names []string, each func(name string, in io.Reader) error) error {
	if len(names) == 0 {
		return each("-", t.stdin)
	}
	for _, name := range names {
		if name == "-" {
			if err := each(name, t.stdin); err != nil {
				return err
			}
			continue
		}
		f, err := t.run.openFile(t.dir, name, os.O_RDONLY, 0, false)
		if err != nil {
			var pe *fs.PathError
			if errors.As(err, &pe) {
				return fmt.Errorf("%s: %w", bound(name, 128), pe.Err)
			}
			return err
		}
		err = each(name, f)
		_ = f.Close() // it was only read
		if err != nil {
			return err
		}
	}
	return nil
}

// lines calls each with the lines of in, without their ends, until it gives
// false.
func (t *toolRun) lines(in io.Reader, each func(line string) bool) error {
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, maxToolLine)
	for sc.Scan() {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		if err := t.run.charge(len(sc.Bytes())); err != nil {
			return err
		}
		if !each(sc.Text()) {
			return nil
		}
	}
	return sc.Err()
}

// all reads everything, within maxSlurp.
func (t *toolRun) all(in io.Reader) ([]byte, error) {
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(in, maxSlurp+1))
	if err != nil {
		return nil, err
	}
	if n > maxSlurp {
		return nil, fmt.Errorf("more than %d bytes of input", maxSlurp)
	}
	return buf.Bytes(), t.run.charge(int(n))
}

// line writes a line; a failed write is seen when the output is flushed.
func (t *toolRun) line(s string) {
	_, _ = io.WriteString(t.stdout, s)
	_, _ = io.WriteString(t.stdout, "\n")
}

// options is the flags and operands of a call.
type options struct {
	set   map[byte]string // the letter and its value, "" for a switch
	files []string
}

func (o options) has(letter byte) bool { _, ok := o.set[letter]; return ok }

// parse reads letters: a colon behind a letter means that it takes a value.
func (t *toolRun) parse(letters string) (options, error) {
	o := options{set: map[byte]string{}}
	args := t.args
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			o.files = append(o.files, args[i+1:]...)
			return o, nil
		case len(arg) < 2 || arg[0] != '-':
			o.files = append(o.files, arg)
			continue
		}
		for j := 1; j < len(arg); j++ {
			at := strings.IndexByte(letters, arg[j])
			if at < 0 || arg[j] == ':' {
				return o, usageError("unknown option " + bound(arg, 64))
			}
			if at+1 == len(letters) || letters[at+1] != ':' {
				o.set[arg[j]] = ""
				continue
			}
			value := arg[j+1:]
			if value == "" {
				if i++; i == len(args) {
					return o, usageError("option " + bound(arg, 64) + " needs a value")
				}
				value = args[i]
			}
			o.set[arg[j]] = value
			break
		}
	}
	return o, nil
}

// count reads the value of a letter as a number that is not negative.
func (o options) count(letter byte, def int) (int, error) {
	value, ok := o.set[letter]
	if !ok {
		return def, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, usageError("not a count: " + bound(value, 64))
	}
	return n, nil
}

func catTool(t *toolRun) (int, error) {
	o, err := t.parse("")
	if err != nil {
		return 2, err
	}
	return 0, t.inputs(o.files, func(_ string, in io.Reader) error {
		_, err := io.Copy(t.stdout, in)
		return err
	})
}

// dateTool knows the formats scripts take for file names and stamps.
func dateTool(t *toolRun) (int, error) {
	now, format := t.date().UTC(), "+%a %b %e %H:%M:%S UTC %Y"
	for _, arg := range t.args {
		switch {
		case arg == "-u" || arg == "--utc":
		case arg == "-Iseconds" || arg == "--iso-8601=seconds":
			format = "+%Y-%m-%dT%H:%M:%S+00:00"
		case strings.HasPrefix(arg, "+"):
			format = arg
		default:
			return 2, usageError("unknown option " + bound(arg, 64))
		}
	}
	out := strings.NewReplacer(
		"%%", "%", "%s", strconv.FormatInt(now.Unix(), 10), "%N", now.Format(".000000000")[1:],
		"%F", now.Format("2006-01-02"), "%T", now.Format("15:04:05"), "%R", now.Format("15:04"),
		"%Y", now.Format("2006"), "%m", now.Format("01"), "%d", now.Format("02"), "%e", now.Format("_2"),
		"%H", now.Format("15"), "%M", now.Format("04"), "%S", now.Format("05"), "%y", now.Format("06"),
		"%a", now.Format("Mon"), "%A", now.Format("Monday"), "%b", now.Format("Jan"), "%B", now.Format("January"),
		"%I", now.Format("03"), "%p", now.Format("PM"), "%j", now.Format("002"), "%Z", "UTC", "%z", "+0000",
		"%n", "\n", "%t", "\t",
	).Replace(format[1:])
	t.line(out)
	return 0, nil
}
