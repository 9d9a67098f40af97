package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"hone"
	"hone/internal/predictor/child"
	"hone/internal/sandbox"
	"hone/internal/secret"
)

// grace is the time from SIGTERM to SIGKILL, and what is bounded of a program besides
// its time: the bytes of its memory and of a file, and its tasks.
const (
	grace     = 2 * time.Second
	mostBytes = 1 << 30
	mostTasks = 512
)

// planFile is what a program finds in the folder that HONE_DELIVERY names.
const planFile = "plan.json"

// run has the owner's program deliver the parcel. Its exit status says whether it did.
func (p Post) run(ctx context.Context, m hone.Model, parcel Parcel, work string) (err error) {
	if work, err = filepath.Abs(work); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	plan, err := json.MarshalIndent(parcel, "", "  ")
	if err == nil {
		err = errors.Join(os.RemoveAll(work), os.MkdirAll(filepath.Join(work, "tmp"), 0o700), os.WriteFile(filepath.Join(work, planFile), plan, 0o600))
	}
	if err != nil {
		return fmt.Errorf("prepare the delivery of %s: %w", parcel.ID, err)
	}
	env, secrets, err := p.environment(m.Deliver, parcel, work)
	if err != nil {
		return err
	}
	c, err := child.Start(child.Spec{Command: m.Deliver.Command, Dir: p.Dir, Env: env, Mask: secret.Masker(secrets), Box: p.box(m, parcel, work)})
	if err != nil {
		return failed("install the program, or name Python as {python}", "deliver.command cannot be run: %v", err)
	}
	select {
	case <-c.Done():
	case <-ctx.Done():
		c.Stop(p.Clock.After(grace))
		return fmt.Errorf("deliver %s: %w", parcel.ID, context.Cause(ctx))
	case <-p.Clock.After(time.Duration(m.Deliver.Timeout)):
		c.Stop(p.Clock.After(grace))
		return failed("raise deliver.timeout, or let it do less", "deliver.command was stopped: it took longer than %s", m.Deliver.Timeout)
	}
	if c.Err() == nil {
		return nil
	}
	said := ""
	if tail := c.Tail(); tail != "" {
		said = "; it said: " + tail
	}
	return failed("run the command by hand, with HONE_DELIVERY naming a folder that has a plan.json", "deliver.command failed: %v%s", c.Err(), said)
}

func (p Post) environment(d hone.Delivery, parcel Parcel, work string) (env, secrets []string, err error) {
	env = append(child.Environment(filepath.Join(work, "tmp"), runtime.NumCPU()), "HONE_DELIVERY="+work, "HONE_MODEL="+parcel.Model,
		"HONE_VERSION="+string(parcel.Version), "HONE_ARTEFACT="+parcel.Folder)
	for _, name := range slices.Sorted(maps.Keys(d.Env)) {
		value, err := secret.Resolve(d.Env[name], p.Dir)
		if e, ok := hone.AsError(err); ok {
			return nil, nil, failed(e.Hint, "deliver.env.%s: %s", name, e.Message)
		}
		if err != nil {
			return nil, nil, err
		}
		env, secrets = append(env, name+"="+value), append(secrets, value)
	}
	return env, secrets, nil
}

// box lets the program read what lies beside the configuration and the version's files,
// and write its own folder.
func (p Post) box(m hone.Model, parcel Parcel, work string) sandbox.Spec {
	s := p.Box
	s.Mode, s.Network = sandbox.Mode(m.Train.Sandbox), m.Deliver.Network
	s.Write = []string{work}
	s.Read = append(s.Read, parcel.Folder)
	if dir, err := filepath.Abs(p.Dir); err == nil && p.Dir != "" {
		data, err := filepath.Abs(p.Data)
		if err != nil || p.Data == "" {
			data = filepath.Join(dir, "hone-data")
		}
		s.Read = append(s.Read, sandbox.Folder(dir, data)...)
	}
	s.Memory, s.File, s.Nice = mostBytes, mostBytes, 10
	if s.Tasks == 0 {
		s.Tasks = mostTasks
	}
	return s
}
