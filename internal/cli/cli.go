// Package cli is Hone's face at the command line: a command for each operation,
// made from its declaration, and the few that run on their own. What the
// operations do is left to op.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hone"
	"hone/internal/backtest"
	"hone/internal/clock"
	"hone/internal/op"
)

// Caller reaches the operations: over HTTP where a server runs, else in this
// process on the data folder.
type Caller interface {
	Call(ctx context.Context, o op.Operation, in any) (any, error)
	Close() error
}

// Globals are the flags of every command.
type Globals struct {
	Config string
	Server string
	Token  string
	JSON   bool
	Out    io.Writer
	Err    io.Writer
	// Program is the Runner's.
	Program string
}

// Runner is what the application lends to the command line.
type Runner struct {
	// Program starts this program again, to contain others; empty where its main
	// cannot.
	Program string
	// Serve runs the server until ctx ends; ready is told its URL.
	Serve func(ctx context.Context, g Globals, listen string, ready func(url string)) error
	// Gateway answers predictions alone until ctx ends.
	Gateway func(ctx context.Context, g Globals, o GatewayOptions, ready func(addr string)) error
	// Rollback rolls a model back while no server runs.
	Rollback func(ctx context.Context, g Globals, model, reason string) (sentence string, err error)
	// Demo runs a scenario.
	Demo func(ctx context.Context, g Globals, o DemoOptions) error
	// DemoPart plays a broken trainer or model server of a scenario.
	DemoPart func(ctx context.Context, args []string) error
	// Init writes a configuration from a file of data.
	Init func(g Globals, o InitOptions) error
	// Check reads the configuration and says what is wrong with it.
	Check func(g Globals) (string, error)
	// Source reads the files of the configuration as one text, which Unpack writes
	// into a folder as files again; it returns their paths.
	Source func(g Globals) (string, error)
	Unpack func(text, dir string) ([]string, error)
	// Docs is the configuration reference.
	Docs func() string
	// Restore makes a data folder of a backup, or checks one.
	Restore func(ctx context.Context, g Globals, o RestoreOptions) (RestoreReport, error)
	// Reach finds the running server, or opens the data folder.
	Reach func(ctx context.Context, g Globals) (Caller, error)
	// Workbench returns a model as the configuration has it, and what trains its
	// champions here, without a server.
	Workbench func(g Globals, model string) (hone.Model, backtest.Trainer, error)
	// In is read by the commands that read standard input; nil is that of the
	// process.
	In io.Reader
	// Clock tells the time that rows without one get.
	Clock clock.Clock
	// Version of this binary.
	Version string
}

// GatewayOptions are those of hone gateway.
type GatewayOptions struct{ Listen, Name string }

// DemoOptions are those of hone demo.
type DemoOptions struct {
	Scenario string
	Once     bool
	Listen   string
	Dir      string
	Seed     uint64
}

// InitOptions are those of hone init.
type InitOptions struct {
	From, Label, Time, Model string
	// Template names a trainer to write beside the configuration. Without From it
	// comes with data of its own.
	Template string
	Force    bool
}

// ImportOptions are those of hone import.
type ImportOptions struct {
	File, Model, Time, ID, Unit, Action, Propensity string
	Quiet                                           bool
}

// ImportReport says what an import did.
type ImportReport struct {
	File     string `json:"file"`
	Model    string `json:"model"`
	Rows     int    `json:"rows"`
	Stored   int    `json:"stored"`
	Repeated int    `json:"repeated"`
	Labels   int    `json:"labels"`
	Bad      int    `json:"bad"`
	BadFile  string `json:"bad_file,omitempty"`
	// Unlabelled is set when the file has no column of the label, Absent names
	// the features that it has no column of.
	Unlabelled bool     `json:"unlabelled,omitempty"`
	Absent     []string `json:"absent_features,omitempty"`
	Sentence   string   `json:"sentence"`
}

// Run executes a command line and returns the exit status: 0 done, 1 failed or
// not as it should be, 2 the command line or the configuration is wrong.
func Run(ctx context.Context, r Runner, args []string, out, errOut io.Writer) int {
	g := &Globals{Out: out, Err: errOut, Program: r.Program}
	root := &cobra.Command{
		Use: "hone", Short: "Hone keeps machine-learning models from going stale.",
		Long:         "Hone keeps machine-learning models from going stale: it serves them, learns what\nbecame of their predictions, decides when a retrain is worth its price, trains,\nproves the candidate against the champion, rolls it out under guard, and takes it\nback if it was wrong.",
		Example:      "  hone demo                    see a whole loop close in two minutes\n  hone init --from data.csv --label is_fraud --time ts\n  hone import data.csv\n  hone serve",
		SilenceUsage: true, SilenceErrors: true, CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&g.Config, "config", "c", "hone.yaml", "the configuration: a file, or a folder that holds hone.yaml and models/")
	flags.StringVar(&g.Server, "server", "", "address of a running server (default: found through the data folder)")
	flags.StringVar(&g.Token, "token", "", "a principal's token (default: $HONE_TOKEN, else the owner's, from the data folder)")
	flags.BoolVar(&g.JSON, "json", false, "print JSON")
	root.SetIn(r.In)
	root.SetOut(out)
	root.SetErr(errOut)
	root.SetArgs(args)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		said, _, _ := strings.Cut(err.Error(), ": strconv.")
		return usage(c.CommandPath(), "%s", said)
	})
	root.Args = noSuch
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	root.SetHelpCommand(helpCommand(root))
	if g.Token == "" {
		g.Token = os.Getenv("HONE_TOKEN")
	}
	root.AddCommand(own(r, g)...)
	addOperations(root, r, g)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	return report(g, err)
}

// usageError is a command line that cannot be read.
type usageError struct{ err *hone.Error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usage(path, format string, args ...any) error {
	return usageError{&hone.Error{Code: hone.Invalid, Message: fmt.Sprintf(format, args...), Hint: "`" + path + " --help` shows how it is used"}}
}

// Misconfigured is a configuration that cannot be used.
type Misconfigured struct {
	Err *hone.Error
	// Detail shows each problem with its place, Problems are the same as JSON.
	Detail   string
	Problems any
}

func (m *Misconfigured) Error() string { return m.Err.Error() }
func (m *Misconfigured) Unwrap() error { return m.Err }

// noSuch refuses what is given to a command that has only commands under it.
func noSuch(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("there is no command `%s %s`", c.CommandPath(), args[0]), Hint: "`" + c.CommandPath() + " --help` lists the commands"}
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		err.Hint = fmt.Sprintf("did you mean `%s %s`? ", c.CommandPath(), near[0]) + err.Hint
	}
	return usageError{err}
}

// helpCommand shows the help of a command, and refuses what is none.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{Use: "help [COMMAND]", Short: "show the help of a command", Example: "  hone help import",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return noSuch(root, args)
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		}}
}

// ErrReported ends a command whose failure has been told already.
var ErrReported = errors.New("reported")

// exit ends a command with a status of its own. Without an error what is to be
// said was said.
type exit struct {
	status int
	err    error
}

func (e *exit) Error() string { return fmt.Sprint(e.err) }
func (e *exit) Unwrap() error { return e.err }

// report prints an error as the person who gets it reads it.
func report(g *Globals, err error) int {
	with, said := errors.AsType[*exit](err)
	if said && with.err == nil {
		return with.status
	}
	if errors.Is(err, ErrReported) {
		return 1
	}
	status := 1
	if said {
		status = with.status
	}
	bad, misconfigured := errors.AsType[*Misconfigured](err)
	if _, usage := errors.AsType[usageError](err); usage || misconfigured {
		status = 2
	}
	e, ok := hone.AsError(err)
	switch {
	case !ok && errors.Is(err, context.Canceled):
		e = &hone.Error{Code: hone.Unavailable, Message: "interrupted", Hint: "repeating is harmless"}
	case !ok:
		e = &hone.Error{Code: hone.Internal, Message: err.Error()}
	}
	if g.JSON {
		out := map[string]any{"error": e.Message, "hint": e.Hint, "code": e.Code}
		if misconfigured && bad.Problems != nil {
			out["problems"] = bad.Problems
		}
		json.NewEncoder(g.Err).Encode(out)
		return status
	}
	if misconfigured {
		fmt.Fprint(g.Err, bad.Detail)
	}
	fmt.Fprintln(g.Err, "hone:", e.Message)
	if e.Hint != "" {
		fmt.Fprintln(g.Err, "  →", e.Hint)
	}
	return status
}

// addOperations makes a command of each operation.
func addOperations(root *cobra.Command, r Runner, g *Globals) {
	for _, o := range op.All() {
		parent, words := root, strings.Fields(o.Name)
		for len(words) > 1 {
			parent = group(parent, words[0])
			words = words[1:]
		}
		if !ownForm(parent, words[0]) {
			addTo(parent, operation(o, words[0], r, g))
		}
	}
}

// ownForm tells whether the command line has a form of its own for an operation:
// a command of that name with none under it.
func ownForm(parent *cobra.Command, name string) bool {
	return slices.ContainsFunc(parent.Commands(), func(c *cobra.Command) bool { return c.Name() == name && len(c.Commands()) == 0 })
}

// group finds or makes the command that others stand under.
func group(parent *cobra.Command, name string) *cobra.Command {
	for _, c := range parent.Commands() {
		if c.Name() == name {
			return c
		}
	}
	c := &cobra.Command{Use: name, Short: "commands about the " + name, Args: noSuch,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	parent.AddCommand(c)
	return c
}

// addTo adds a command, which takes over what already stands under its name.
func addTo(parent, c *cobra.Command) {
	for _, old := range parent.Commands() {
		if old.Name() == c.Name() {
			for _, sub := range old.Commands() {
				old.RemoveCommand(sub)
				c.AddCommand(sub)
			}
			parent.RemoveCommand(old)
		}
	}
	parent.AddCommand(c)
}

// operation is the command of one operation: path fields are arguments, the
// others flags.
func operation(o op.Operation, name string, r Runner, g *Globals) *cobra.Command {
	in := reflect.New(o.In)
	var args []reflect.Value
	paths := map[int]bool{} // Which of them are paths.
	use := name
	least := 0 // Of the arguments, which those that may be left out stand behind.
	c := &cobra.Command{Short: o.Summary, Long: strings.TrimSpace(o.Summary + ".\n\n" + o.Help), Example: "  " + o.Example}
	lines := -1
	for i := range o.In.NumField() {
		f := o.In.Field(i)
		if p := f.Tag.Get("path"); p != "" {
			use += " " + strings.ToUpper(p)
			args = append(args, in.Elem().Field(i))
			least++
			continue
		}
		if f.Tag.Get("arg") == "optional" {
			use += " [" + strings.ToUpper(f.Tag.Get("query")) + "]"
			args = append(args, in.Elem().Field(i))
			continue
		}
		if f.Tag.Get("arg") == "path" {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			use += " " + strings.ToUpper(name)
			paths[len(args)] = true
			args = append(args, in.Elem().Field(i))
			least++
			continue
		}
		if f.Tag.Get("lines") == "true" {
			lines = i
			continue
		}
		if f.Tag.Get("help") != "" { // Else it is for programs.
			bind(c, in.Elem().Field(i), f)
		}
	}
	c.Use = use
	c.Args = func(_ *cobra.Command, given []string) error {
		if len(given) < least || len(given) > len(args) {
			return takes(c, given)
		}
		for _, a := range given {
			if a == "" || a == "." || a == ".." {
				return usage(c.CommandPath(), "%q is no name", a)
			}
		}
		return nil
	}
	one := &oneItem{}
	if lines >= 0 {
		one.bind(c, o.Name)
	}
	c.RunE = func(cmd *cobra.Command, given []string) error {
		for i, text := range given {
			if abs, err := filepath.Abs(text); paths[i] && err == nil {
				text = abs
			}
			args[i].SetString(text)
		}
		if lines >= 0 {
			if err := one.fill(c, in.Elem().Field(lines), cmd.InOrStdin()); err != nil {
				return err
			}
		}
		return call(cmd.Context(), r, g, o, in.Interface())
	}
	return c
}

// takes says what a command takes, to who gave it something else.
func takes(c *cobra.Command, given []string) error {
	words := strings.Fields(c.Use)[1:]
	want := "takes " + strings.Join(words, " ")
	switch {
	case len(words) == 0:
		want = "takes no argument"
	case len(given) < len(words):
		want = "needs " + strings.Join(words[len(given):], " ")
	}
	if len(given) > len(words) {
		want += fmt.Sprintf(", got %s", strings.Trim(fmt.Sprintf("%q", given), "[]"))
	}
	if len(given) > len(words) && len(c.Commands()) > 0 {
		return noSuch(c, given)
	}
	return usage(c.CommandPath(), "`%s` %s", c.CommandPath(), want)
}

// moment reads a time, or a day as its end.
func moment(s string, to *time.Time) error {
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		*to = day.AddDate(0, 0, 1).Add(-time.Nanosecond)
		return nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New("write 2026-06-30 or 2026-06-30T08:00:00Z, in UTC unless it says otherwise")
	}
	*to = at
	return nil
}

func bind(c *cobra.Command, v reflect.Value, f reflect.StructField) {
	name := f.Tag.Get("query")
	if name == "" {
		name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	}
	name = strings.ReplaceAll(name, "_", "-")
	switch p := v.Addr().Interface().(type) {
	case *string:
		c.Flags().StringVar(p, name, "", f.Tag.Get("help"))
	case *[]string:
		c.Flags().StringArrayVar(p, name, nil, f.Tag.Get("help"))
	case *bool:
		c.Flags().BoolVar(p, name, false, f.Tag.Get("help"))
	case *int:
		c.Flags().IntVar(p, name, 0, f.Tag.Get("help"))
	case *int64:
		c.Flags().Int64Var(p, name, 0, f.Tag.Get("help"))
	case *time.Time:
		c.Flags().Func(name, f.Tag.Get("help"), func(s string) error { return moment(s, p) })
	case *json.RawMessage:
		c.Flags().Func(name, f.Tag.Get("help"), func(s string) error {
			if !json.Valid([]byte(s)) {
				return errors.New("it is not JSON")
			}
			*p = json.RawMessage(s)
			return nil
		})
	case *op.Role:
		c.Flags().StringVar((*string)(p), name, "", f.Tag.Get("help"))
	case *hone.Duration:
		c.Flags().TextVar(p, name, hone.Duration(0), f.Tag.Get("help"))
	}
}

// call does an operation and prints what came of it.
func call(ctx context.Context, r Runner, g *Globals, o op.Operation, in any) error {
	caller, err := r.Reach(ctx, *g)
	if err != nil {
		return err
	}
	err = lookFirst(ctx, g, caller, in)
	var out any
	if err == nil {
		out, err = caller.Call(ctx, o, in)
	}
	if err := errors.Join(err, caller.Close()); err != nil {
		return err
	}
	if g.JSON {
		e := json.NewEncoder(g.Out)
		e.SetIndent("", "  ")
		return errors.Join(e.Encode(out), verdict(out))
	}
	print(g.Out, out)
	return verdict(out)
}

// verdict is the exit status of answers that can be bad news.
func verdict(out any) error {
	switch v := out.(type) {
	case op.Verified:
		if !v.Whole {
			return ErrReported
		}
	case op.Report:
		if !v.Well {
			return ErrReported
		}
	case op.Rebuilt:
		if !v.Same {
			return ErrReported
		}
	case op.Replayed:
		if !v.Same {
			return ErrReported
		}
	}
	return nil
}
