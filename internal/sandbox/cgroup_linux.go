package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// ownMemory is what our own first process may take besides the program.
const ownMemory = 24 << 20

// cgroup is a group of processes that the kernel keeps to limits together: one
// folder where controllers share a tree, several where each has its own.
type cgroup struct {
	dirs []string // Each once.
	// Those with the limits of memory and of tasks, or empty.
	memory, tasks string
}

// made numbers the cgroups of this process.
var made atomic.Int64

// controllers are what is asked for, with the files to write in the second and
// in the first version of the interface.
func controllers(s Spec) []controller {
	memory, tasks := strconv.FormatInt(s.Memory+ownMemory, 10), strconv.FormatInt(s.Tasks, 10)
	var out []controller
	if s.Memory > 0 {
		out = append(out, controller{"memory", CgroupMemory,
			[][2]string{{"memory.max", memory}, {"?memory.swap.max", "0"}, {"?memory.oom.group", "0"}},
			[][2]string{{"memory.limit_in_bytes", memory}, {"?memory.memsw.limit_in_bytes", memory}}})
	}
	if s.Tasks > 0 {
		out = append(out, controller{"pids", CgroupPIDs, [][2]string{{"pids.max", tasks}}, [][2]string{{"pids.max", tasks}}})
	}
	// A tenth of the weight that what answers requests has.
	return append(out, controller{"cpu", CgroupCPU, [][2]string{{"cpu.weight", "10"}}, [][2]string{{"cpu.shares", "102"}}})
}

type controller struct {
	name, layer string
	second      [][2]string // A ? before a file means that it may be missing.
	first       [][2]string
}

// newCgroup makes a group with the limits of s, or nil where none can be made.
func newCgroup(s Spec, r *Report) *cgroup {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	self, err2 := os.ReadFile("/proc/self/cgroup")
	if err := errors.Join(err, err2); err != nil {
		r.miss(err.Error(), CgroupMemory, CgroupPIDs, CgroupCPU)
		return nil
	}
	return cgroupIn(findTrees(string(mounts), string(self)), s, r)
}

// trees say where this process stands: for each controller of the first version,
// and, under the empty name, in the one tree of the second.
type trees map[string]string

func findTrees(mounts, self string) trees {
	where := map[string]string{}
	for line := range strings.Lines(self) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 {
			for name := range strings.SplitSeq(f[1], ",") {
				where[name] = f[2]
			}
		}
	}
	out := trees{}
	for line := range strings.Lines(mounts) {
		before, after, ok := strings.Cut(strings.TrimSpace(line), " - ")
		f, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(kind) < 3 {
			continue
		}
		at := func(path string) string {
			return filepath.Join(f[4], strings.TrimPrefix(path, strings.TrimSuffix(f[3], "/")))
		}
		if path, in := where[""]; in && kind[0] == "cgroup2" {
			out[""] = at(path)
		}
		if kind[0] == "cgroup" {
			for name := range strings.SplitSeq(kind[2], ",") {
				if path, in := where[name]; in && name != "" {
					out[name] = at(path)
				}
			}
		}
	}
	return out
}

func cgroupIn(t trees, s Spec, r *Report) *cgroup {
	name := fmt.Sprintf("hone-%d-%d", os.Getpid(), made.Add(1))
	var g cgroup
	for _, c := range controllers(s) {
		dir, err := "", errors.New("left out")
		if !slices.Contains(s.Without, c.layer) {
			dir, err = c.make(t, name)
		}
		if dir != "" && !slices.Contains(g.dirs, dir) {
			g.dirs = append(g.dirs, dir)
		}
		if err != nil {
			r.miss(err.Error(), c.layer)
			continue
		}
		r.hold(c.layer)
		switch c.layer {
		case CgroupMemory:
			g.memory = dir
		case CgroupPIDs:
			g.tasks = dir
		}
	}
	if g.dirs == nil {
		return nil
	}
	return &g
}

// make makes the folder of a group, if need be, and sets the controller's limits.
func (c controller) make(t trees, name string) (string, error) {
	if at, ok := t[c.name]; ok {
		sweep(at)
		dir := filepath.Join(at, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
			return "", fmt.Errorf("make a cgroup: %w", err)
		}
		return dir, set(dir, c.first)
	}
	at, ok := t[""]
	if !ok {
		return "", errors.New("no cgroup has the controller " + c.name)
	}
	// A group with processes in it gives no controllers on; the one above may.
	var errs []error
	for _, at := range []string{at, filepath.Dir(at)} {
		if !gives(at, c.name) {
			errs = append(errs, fmt.Errorf("%s does not give on the controller %s", at, c.name))
			continue
		}
		sweep(at)
		dir := filepath.Join(at, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
			errs = append(errs, fmt.Errorf("make a cgroup: %w", err))
			continue
		}
		return dir, set(dir, c.second)
	}
	return "", errors.Join(errs...)
}

// gives tells whether a group gives a controller on to those below it, after it
// was asked to.
func gives(dir, name string) bool {
	file := filepath.Join(dir, "cgroup.subtree_control")
	has := func() bool {
		b, err := os.ReadFile(file)
		return err == nil && slices.Contains(strings.Fields(string(b)), name)
	}
	if !has() {
		_ = write(file, "+"+name) // What came of it is read.
	}
	return has()
}

func set(dir string, files [][2]string) error {
	for _, f := range files {
		name, optional := strings.CutPrefix(f[0], "?")
		if err := write(filepath.Join(dir, name), f[1]); err != nil && !optional {
			return fmt.Errorf("limit a cgroup: %w", err)
		}
	}
	return nil
}

// write writes to a file that the kernel has made.
func write(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// sweep removes the groups that a process left behind which was killed.
func sweep(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, "hone-*-*")) // The pattern is good.
	for _, path := range left {
		pid, err := strconv.Atoi(strings.Split(filepath.Base(path), "-")[1])
		if err == nil && pid != os.Getpid() && syscall.Kill(pid, 0) == syscall.ESRCH {
			_ = os.Remove(path) // The kernel refuses while there are processes in it.
		}
	}
}

func (g *cgroup) add(pid int) error {
	for _, dir := range g.dirs {
		if err := write(filepath.Join(dir, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return err
		}
	}
	return nil
}

// oom tells whether the kernel killed a process for the group's memory.
func (g *cgroup) oom() bool {
	// Of two files, one is there.
	return g != nil && (counted(g.memory, "memory.events", "oom_kill") || counted(g.memory, "memory.oom_control", "oom_kill"))
}

// full tells whether the kernel refused the group a task.
func (g *cgroup) full() bool { return g != nil && counted(g.tasks, "pids.events", "max") }

// counted tells whether an event has a count other than 0.
func counted(dir, file, event string) bool {
	if dir == "" {
		return false
	}
	b, _ := os.ReadFile(filepath.Join(dir, file)) // Nothing was counted in what is gone.
	for line := range bytes.Lines(b) {
		if n, ok := strings.CutPrefix(string(bytes.TrimSpace(line)), event+" "); ok && n != "0" {
			return true
		}
	}
	return false
}

// end kills what is left in the group, and removes it.
func (g *cgroup) end() {
	if g == nil {
		return
	}
	const tries, pause = 500, 2 * time.Millisecond
	for _, dir := range g.dirs {
		for range tries {
			b, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			for pid := range strings.FieldsSeq(string(b)) {
				if n, err := strconv.Atoi(pid); err == nil {
					_ = syscall.Kill(n, syscall.SIGKILL)
				}
			}
			if err := syscall.Rmdir(dir); err != syscall.EBUSY {
				break
			}
			time.Sleep(pause)
		}
	}
}
