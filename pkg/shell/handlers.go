// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// framesPerCall is how many stack frames of the interpreter one call of a
// shell function, or one level of substitution, takes at most.
const framesPerCall = 16

// call sees every simple command, builtins and functions included, after its
// words are expanded and before it runs.
func (r *run) call(ctx context.Context, args []string) ([]string, error) {
	hc := interp.HandlerCtx(ctx)
	if args[0] == guardName {
		return args, r.guard(hc, args[1:])
	}
	size := 0
	for _, arg := range args {
		size += len(arg) + 1
	}
	if err := r.charge(size); err != nil {
		return nil, err
	}
	if err := r.checkDepth(); err != nil {
		return nil, err
	}
	if err := r.checkPipes(hc); err != nil {
		return nil, err
	}
	args, wrong := checkOperands(args)
	if wrong != "" {
		fmt.Fprintln(hc.Stderr, wrong)
		return []string{"false"}, nil
	}
	return r.checkBuiltin(args)
}

// checkDepth looks at the stack itself: functions, substitutions and traps all
// call each other on it, and an overflow would end the whole process.
func (r *run) checkDepth() error {
	var pc [1]uintptr
	if runtime.Callers(r.policy.Limits.Depth*framesPerCall, pc[:]) > 0 {
		return r.fail(newError(ReasonLimit, nil, "script: calls within calls deeper than %d", r.policy.Limits.Depth))
	}
	return nil
}

// checkPipes counts the pipes that commands stand between at this time. Closed
// ones are only looked for when there seem to be too many.
func (r *run) checkPipes(hc interp.HandlerContext) error {
	r.mu.Lock()
	for _, end := range []any{hc.Stdin, hc.Stdout} {
		if f, ok := end.(*os.File); ok && f != nil {
			r.pipes[f] = struct{}{}
		}
	}
	over := len(r.pipes) > 2*r.policy.Limits.Jobs
	if over {
		for f := range r.pipes {
			if !open(f) {
				delete(r.pipes, f)
			}
		}
		over = len(r.pipes) > 2*r.policy.Limits.Jobs
	}
	r.mu.Unlock()
	if over {
		return r.fail(newError(ReasonLimit, nil, "script: more than %d pipelines at one time", r.policy.Limits.Jobs))
	}
	return nil
}

func open(f *os.File) bool {
	conn, err := f.SyscallConn()
	return err == nil && conn.Control(func(uintptr) {}) == nil
}

// checkBuiltin refuses what would bring in text that nobody has checked.
func (r *run) checkBuiltin(args []string) ([]string, error) {
	rest := args
	for len(rest) > 1 && (rest[0] == "command" || rest[0] == "builtin") && !strings.HasPrefix(rest[1], "-") {
		rest = rest[1:]
	}
	switch rest[0] {
	case "eval", "source", ".":
		return nil, r.fail(newError(ReasonDenied, nil, "script: %s is refused: text that becomes code is how injection works", rest[0]))
	case "alias", "unalias":
		return []string{":"}, nil // no shell expands them in a script
	case "trap":
		if err := checkTrap(rest[1:]); err != nil {
			return nil, r.fail(err)
		}
	case "[", "test":
		return plainComparison(args), nil
	case "printf":
		if width := printfWidth(rest[1:]); width > r.policy.Limits.Statement {
			return nil, r.fail(newError(ReasonLimit, nil, "script: printf pads to more than %d bytes", r.policy.Limits.Statement))
		}
	}
	return args, nil
}

// plainComparison makes [ "$x" = y ] hold its promise whatever $x is: with
// three operands the middle one is the operator. The interpreter takes a first
// one like -n, ! or ( for syntax, so both sides get a letter before them.
func plainComparison(args []string) []string {
	end := len(args)
	if args[end-1] == "]" {
		end--
	}
	at := end - 2 // the operator
	left := at - 1
	switch {
	case left < 1 || !slices.Contains([]string{"=", "==", "!="}, args[at]):
		return args
	case args[left-1] == "[" || args[left-1] == "test":
	case args[left-1] == "!" && left > 1 && (args[left-2] == "[" || args[left-2] == "test"):
	default:
		return args // more than one comparison
	}
	out := slices.Clone(args)
	out[left], out[at+1] = "x"+out[left], "x"+out[at+1]
	return out
}

// checkTrap allows calls without assignments only, since a trap's text is
// parsed at run time and goes unguarded.
func checkTrap(args []string) *Error {
	if len(args) < 2 || strings.HasPrefix(args[0], "-") {
		return nil
	}
	refused := newError(ReasonDenied, nil, "script: a trap may only call commands and functions")
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(args[0]), "trap")
	if err != nil || len(args[0]) > 1024 {
		return refused
	}
	for _, stmt := range file.Stmts {
		call, ok := stmt.Cmd.(*syntax.CallExpr)
		if !ok || len(call.Assigns) > 0 || stmt.Background {
			return refused
		}
		for _, word := range call.Args {
			if checkBraces(word) != nil {
				return refused
			}
		}
	}
	return nil
}

// printfWidth is the most that the widths and precisions of a format add.
func printfWidth(args []string) int {
	const most = 1 << 40
	if len(args) == 0 {
		return 0
	}
	total, number, inside := 0, 0, false
	for _, c := range []byte(args[0]) {
		switch {
		case !inside:
			inside = c == '%'
		case c >= '0' && c <= '9':
			number = min(number*10+int(c-'0'), most)
		case strings.IndexByte("+- .#*", c) >= 0:
			total, number = total+number, 0
		default: // the letter that ends it
			total, number, inside = total+number, 0, false
		}
	}
	return min(total+number, most) * max(1, len(args)-1)
}

// exec runs what is neither a function nor a builtin.
func (r *run) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	name := args[0]
	if name == guardName {
		return status(hc.LastExitStatus) // $? stays what it was
	}
	tool, ours := tools[name]
	if !ours || (!alwaysOurs[name] && r.policy.allows(name)) {
		path, err := r.look(hc.Dir, hc.Env, name)
		if err == nil {
			return r.start(ctx, process{
				path: path, args: args, env: exported(hc.Env), dir: hc.Dir,
				stdin: hc.Stdin, stdout: hc.Stdout, stderr: hc.Stderr,
			})
		}
		if !ours {
			r.miss(name)
			why := "command not found"
			if ReasonOf(err) == ReasonDenied {
				why = "not available to this script"
			}
			fmt.Fprintf(hc.Stderr, "%s: %s\n", bound(name, 128), why)
			return status(127)
		}
	}
	return status(r.tool(ctx, tool, args, toolIO{
		stdin: hc.Stdin, stdout: hc.Stdout, stderr: hc.Stderr, dir: hc.Dir, env: exported(hc.Env),
	}))
}

func status(code int) error {
	if code == 0 {
		return nil
	}
	return interp.ExitStatus(uint8(code))
}

// refusal is what the shell reports like any other file error.
func refusal(op, path string) error {
	return &os.PathError{Op: op, Path: bound(path, 256), Err: fs.ErrPermission}
}

// open opens a file for a redirection.
func (r *run) open(ctx context.Context, path string, flag int, perm os.FileMode) (io.ReadWriteCloser, error) {
	write := flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND) != 0
	hc := interp.HandlerCtx(ctx)
	f, err := r.openFile(hc.Dir, path, flag, perm, write)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (r *run) openFile(dir, path string, flag int, perm os.FileMode, write bool) (*os.File, error) {
	if path != os.DevNull && ((write && !r.policy.AllowWrite) || (!write && !r.policy.AllowRead)) {
		return nil, refusal("open", path)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if path != os.DevNull {
		// A pipe would block the open, a device has no end.
		info, err := os.Stat(path)
		switch {
		case err != nil && (!write || !errors.Is(err, fs.ErrNotExist)):
			return nil, &os.PathError{Op: "open", Path: bound(path, 256), Err: errors.Unwrap(err)}
		case err == nil && !info.Mode().IsRegular():
			return nil, refusal("open", path)
		case err == nil && !write:
			if err := r.charge(int(min(info.Size(), r.policy.Limits.Text+1))); err != nil {
				return nil, err
			}
		}
	}
	return os.OpenFile(path, flag, perm)
}

// readDir reads a directory for a glob.
func (r *run) readDir(ctx context.Context, path string) ([]fs.DirEntry, error) {
	if !r.policy.AllowRead {
		return nil, refusal("open", path)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return os.ReadDir(path)
}

// stat tells a test about a file.
func (r *run) stat(_ context.Context, path string, follow bool) (fs.FileInfo, error) {
	if !r.policy.AllowRead {
		return nil, refusal("stat", path)
	}
	if follow {
		return os.Stat(path)
	}
	return os.Lstat(path)
}

// access tells a test whether a file may be used.
func (r *run) access(ctx context.Context, path string, mode interp.AccessMode) error {
	if !r.policy.AllowRead {
		return refusal("access", path)
	}
	return interp.DefaultAccessHandler()(ctx, path, mode)
}
