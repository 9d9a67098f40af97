package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"hone"
	"hone/internal/predictor/child"
	"hone/internal/sandbox"
)

// watch holds a trainer to its limits. Where the kernel limits no memory by a
// cgroup, it is looked at: a limit of the address space (RLIMIT_AS) counts what
// threads and memory-mapped files merely reserve, and kills numerical libraries
// that use little. So a trainer may be over its limit for as long as one look
// lasts. What it writes is bounded the same way, and each single file by the
// kernel.
type watch struct {
	*trainer
	limits hone.Limits
	child  *child.Process
	dir    string
	before int64         // Bytes in dir at the start.
	tasks  int64         // That it may have at once.
	seen   time.Duration // That it had taken of processors at the last look.
}

// wait returns once the trainer is over: nil if it ended by itself.
func (w *watch) wait(ctx context.Context) error {
	var over <-chan time.Time
	if w.limits.Time > 0 {
		over = w.Clock.After(time.Duration(w.limits.Time))
	}
	for {
		select {
		case <-w.child.Done():
			return w.after()
		case <-ctx.Done():
			w.child.Stop(w.Clock.After(grace))
			return fmt.Errorf("train: %w", context.Cause(ctx))
		case <-over:
			w.child.Stop(w.Clock.After(grace))
			return &hone.Error{Code: hone.Unavailable,
				Message: fmt.Sprintf("the trainer was stopped: it took longer than %s", w.limits.Time),
				Hint:    "raise train.limits.time, or let it write what it has into checkpoint/ and go on from there"}
		case <-w.Clock.After(lookEvery):
		}
		if err := w.look(); err != nil {
			w.child.Signal(syscall.SIGKILL)
			<-w.child.Done()
			return err
		}
	}
}

// look returns the limit that the trainer is over.
func (w *watch) look() error {
	// A trainer that lost a process may wait for it for ever.
	if w.child.OutOfMemory() {
		return w.outOfMemory()
	}
	u := w.child.Usage()
	w.seen = max(w.seen, u.Processor)
	// What processes share counts in each, so the kernel's own count goes before.
	if limit := int64(w.limits.Memory); limit > 0 && u.Memory > limit && !w.child.Contained().Holds(sandbox.CgroupMemory) {
		return tooLarge("train.limits.memory", "out of memory: it used %d MiB of memory, over its limit of %d MiB", u.Memory>>20, limit>>20)
	}
	if len(u.PIDs) > maxProcesses {
		return tooLarge("", "it ran %d processes, over the limit of %d", len(u.PIDs), maxProcesses)
	}
	return w.tooLarge()
}

// after returns the limit that made the trainer fail.
func (w *watch) after() error {
	switch {
	case w.child.Err() != nil && w.child.OutOfMemory():
		return w.outOfMemory()
	case w.child.Err() != nil && w.child.OutOfTasks():
		return tooLarge("", "it wanted more than %d processes and threads", w.tasks)
	}
	return w.tooLarge()
}

func (w *watch) outOfMemory() error {
	return tooLarge("train.limits.memory", "out of memory: it wanted more memory than its limit of %d MiB", w.limits.Memory>>20)
}

// tooLarge returns an error if the trainer has written more than it may.
func (w *watch) tooLarge() error {
	size, err := treeSize(w.dir)
	if err != nil {
		return err
	}
	if limit := int64(w.limits.Output); limit > 0 && size-w.before > limit {
		return tooLarge("train.limits.output", "it wrote %d KiB, over its limit of %d KiB", (size-w.before)>>10, limit>>10)
	}
	return nil
}

func tooLarge(setting, format string, args ...any) error {
	e := &hone.Error{Code: hone.TooLarge, Message: "the trainer was killed: " + fmt.Sprintf(format, args...),
		Hint: "let it make fewer"}
	if setting != "" {
		e.Hint = "raise " + setting + ", or let it take less"
	}
	return e
}

// treeSize adds up the files under dir. What vanishes meanwhile is not counted.
func treeSize(dir string) (size int64, err error) {
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if errors.Is(err, fs.ErrPermission) {
			return refuse(filepath.Base(path)+" in the folder of the training may not be read", "let the trainer leave its folders readable")
		}
		if err != nil {
			return err
		}
		if files++; files > maxFiles {
			return tooLarge("", "it left more than %d files and folders", maxFiles)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
