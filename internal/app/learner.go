package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"hone"
	"hone/internal/sandbox"
	"hone/internal/train"
	"hone/internal/train/builtin"
	"hone/internal/train/command"
)

// learnCommand is the hidden subcommand under which this program starts itself
// to train by a learner of its own.
const learnCommand = "learn"

// blame is the file in output/ in which a learner says what was wrong.
const blame = "error.json"

// engines are the trainers. A learner of ours trains in a process of its own where
// this program can start itself: it shares the machine with what answers
// requests, and there it is contained and yields as every trainer does.
func (a *App) engines() map[string]train.Engine {
	commands := command.New(command.Options{Dir: a.config.Dir, Data: a.config.Server.Data, Box: sandbox.Spec{Program: a.o.Program}, Clock: a.o.Clock})
	learner := builtin.New()
	if program, err := os.Executable(); err == nil && a.o.Program != "" && !a.o.Inline {
		learner = apart{program, commands}
	}
	all := map[string]train.Engine{"command": commands}
	for _, name := range builtin.Names() {
		all[name] = learner
	}
	return a.o.Seams.engines(all)
}

// apart is the engine of a learner in a process of its own.
type apart struct {
	program  string
	commands train.Engine
}

// Train returns what the learner says of its failure where it says something.
func (e apart) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	job.Model.Train.Command, job.Model.Train.CSV = []string{e.program, learnCommand}, false
	r, err := e.commands.Train(ctx, job, report)
	if err == nil {
		return r, nil
	}
	b, none := os.ReadFile(filepath.Join(job.Dir, "output", blame))
	var said hone.Error
	if none != nil || json.Unmarshal(b, &said) != nil || said.Message == "" {
		return r, err
	}
	return r, &said
}

// learn trains in the folder that HONE_RUN names and returns the exit status.
func learn(ctx context.Context) int {
	if err := learnIn(ctx, os.Getenv("HONE_RUN")); err != nil {
		fmt.Fprintln(os.Stderr, "hone:", err)
		return 1
	}
	return 0
}

func learnIn(ctx context.Context, dir string) error {
	job, err := command.Load(dir)
	if err != nil {
		return err
	}
	job.Dir = filepath.Join(dir, "output")
	out := json.NewEncoder(os.Stdout)
	r, err := builtin.New().Train(ctx, job, func(p train.Progress) {
		if p.Line != "" {
			fmt.Println(p.Line)
			return
		}
		report := map[string]float64{"step": float64(p.Step)}
		maps.Copy(report, p.Values)
		_ = out.Encode(report) // Who does not listen is gone, and we with it.
	})
	if e, ok := hone.AsError(err); ok {
		return errors.Join(err, write(job.Dir, blame, e))
	}
	if err != nil {
		return err
	}
	return write(job.Dir, "metrics.json", r.Metrics)
}

func write(dir, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), b, 0o600)
}
