package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"hone/internal/clock"
)

// setUp bounds the time from the start of a program to its own first step.
const setUp = 30 * time.Second

// maxFiles that a program may have open at once.
const maxFiles = 65536

// Box is a program under way. Its methods may be called at any time.
type Box struct {
	cmd    *exec.Cmd
	pipe   *os.File // Nil where there is nothing of ours between.
	told   *json.Decoder
	group  *cgroup
	report Report
	// What the cgroup said when it was removed.
	oom, tasks atomic.Bool
}

// Start starts a program contained. Its Path, Args, Env, Dir and standard
// streams, which must be files, are taken from cmd. The thread that calls it must
// live as long as the program does, which is killed when that thread ends.
func Start(cmd *exec.Cmd, s Spec) (*Box, error) {
	if cmd.Err != nil {
		return nil, cmd.Err
	}
	if s.Mode == Off || s.Program == "" {
		return bare(cmd, s)
	}
	var gaps Report
	for _, r := range rungs(s) {
		b, why, err := climb(cmd, s, r, &gaps)
		if err != nil {
			return nil, err
		}
		if why == "" {
			return b, nil
		}
		gaps.Missing = append(gaps.Missing, Gap{r.without, why})
	}
	return nil, errors.New("start a sandbox without namespaces: " + gaps.String())
}

// Probe says which layers hold here for a trainer, by starting a program that
// ends at once.
func Probe(program string, without ...string) (Report, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command("/bin/true")
	cmd.Dir = "/"
	b, err := Start(cmd, Spec{Program: program, Memory: 1 << 30, Tasks: 64, Without: without})
	if err != nil {
		return Report{}, err
	}
	return b.Report(), b.Wait()
}

// bare starts a program with what needs nothing of ours inside it.
func bare(cmd *exec.Cmd, s Spec) (*Box, error) {
	b := &Box{cmd: cmd}
	b.report.hold(Group, Death)
	if s.Mode != Off {
		b.report.miss("this program cannot start itself", Users, Mounts, Processes, IPC, Names, Net, NoPrivileges, NoCaps, Rlimits,
			Landlock, LandlockNet, Seccomp, CgroupMemory, CgroupPIDs, CgroupCPU)
	}
	if s.Mode == Require {
		if err := b.report.Lacking(s); err != nil {
			return nil, err
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	// Best effort: a program that is over already has no limits to set.
	_ = unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
	if s.File > 0 {
		_ = unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(s.File), Max: uint64(s.File)}, nil)
	}
	if s.Nice != 0 {
		_ = unix.Setpriority(unix.PRIO_PGRP, cmd.Process.Pid, s.Nice)
	}
	return b, nil
}

// rung is a set of namespaces to try, and the layer that is given up where it
// cannot be had.
type rung struct {
	namespaces []string
	without    string
}

// rungs are what is tried, the most first. A namespace that the kernel has not,
// or that is left out, is in none.
func rungs(s Spec) []rung {
	base := []string{Users, Mounts, Processes, IPC, Names}
	if !s.Network && s.Listen == 0 {
		base = append(base, Net)
	}
	base = slices.DeleteFunc(base, func(ns string) bool { return slices.Contains(s.Without, ns) || !inKernel(ns) })
	less := func(out ...string) []string {
		return slices.DeleteFunc(slices.Clone(base), func(ns string) bool { return slices.Contains(out, ns) })
	}
	all := []rung{{base, Users}}
	if os.Geteuid() == 0 {
		all[0].without = Users
		all = append(all, rung{less(Users), Processes})
	}
	return append(all, rung{less(Processes), Mounts}, rung{nil, Group})
}

// flag is the bit that makes a namespace, and its file in /proc/self/ns.
func flag(ns string) (bit uintptr, file string) {
	switch ns {
	case Users:
		return unix.CLONE_NEWUSER, "user"
	case Mounts:
		return unix.CLONE_NEWNS, "mnt"
	case Processes:
		return unix.CLONE_NEWPID, "pid"
	case IPC:
		return unix.CLONE_NEWIPC, "ipc"
	case Names:
		return unix.CLONE_NEWUTS, "uts"
	case Net:
		return unix.CLONE_NEWNET, "net"
	}
	return 0, ""
}

func inKernel(ns string) bool {
	_, file := flag(ns)
	_, err := os.Lstat("/proc/self/ns/" + file)
	return err == nil
}

// climb tries one rung. Why is set where another is to be tried.
func climb(cmd *exec.Cmd, s Spec, r rung, gaps *Report) (b *Box, why string, err error) {
	ours, theirs, err := pair()
	if err != nil {
		return nil, "", err
	}
	defer theirs.Close()
	b = &Box{pipe: ours, told: json.NewDecoder(ours)}
	b.cmd = &exec.Cmd{Path: s.Program, Args: []string{s.Program, Command}, Env: []string{"GOMAXPROCS=1"}, Dir: "/",
		Stdin: cmd.Stdin, Stdout: cmd.Stdout, Stderr: cmd.Stderr, ExtraFiles: []*os.File{theirs}, SysProcAttr: attributes(r)}
	if err := b.cmd.Start(); err != nil {
		ours.Close()
		if len(r.namespaces) == 0 || errors.Is(err, fs.ErrNotExist) {
			return nil, "", err
		}
		return nil, err.Error(), nil
	}
	theirs.Close()
	b.report = Report{Missing: slices.Clone(gaps.Missing)}
	b.group = newCgroup(s, &b.report)
	if b.group != nil {
		if err := b.group.add(b.cmd.Process.Pid); err != nil {
			b.abandon()
			return nil, "", fmt.Errorf("put a program into its cgroup: %w", err)
		}
	}
	why, err = b.begin(cmd, s, r)
	if why != "" || err != nil {
		b.abandon()
		return nil, why, err
	}
	return b, "", nil
}

func pair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(fds[0], true); err != nil { // So that it can have a deadline.
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "program"), os.NewFile(uintptr(fds[1]), "starter"), nil
}

func attributes(r rung) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	for _, ns := range r.namespaces {
		bit, _ := flag(ns)
		a.Cloneflags |= bit
	}
	if slices.Contains(r.namespaces, Users) {
		// The superuser of the namespace is who started it, so that it owns the same files.
		a.UidMappings = []syscall.SysProcIDMap{{Size: 1, HostID: os.Geteuid()}}
		a.GidMappings = []syscall.SysProcIDMap{{Size: 1, HostID: os.Getegid()}}
	}
	return a
}

// begin gives the order and hears what came of it.
func (b *Box) begin(cmd *exec.Cmd, s Spec, r rung) (why string, err error) {
	if err := b.pipe.SetReadDeadline(clock.System{}.Now().Add(setUp)); err != nil {
		return "", err
	}
	if err := json.NewEncoder(b.pipe).Encode(orderOf(cmd, s, r)); err != nil {
		return "", fmt.Errorf("tell a program what to run: %w", err)
	}
	var a answer
	if err := b.told.Decode(&a); err != nil {
		return "", fmt.Errorf("start a sandbox: it ended before it said anything: %w", err)
	}
	switch {
	case a.Retry != "" && len(r.namespaces) > 0:
		return a.Retry, nil
	case a.Report == nil:
		return "", errors.New("start a sandbox: " + a.Retry + a.Why)
	}
	b.account(s, r, *a.Report)
	if s.Mode == Require {
		if err := b.report.Lacking(s); err != nil {
			return "", err
		}
	}
	a = answer{}
	if err := b.told.Decode(&a); err != nil {
		return "", fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	switch {
	case a.Failed != 0:
		return "", &fs.PathError{Op: "exec", Path: cmd.Path, Err: a.Failed}
	case !a.Running:
		return "", errors.New("start " + cmd.Path + ": " + a.Why)
	}
	return "", b.pipe.SetReadDeadline(time.Time{})
}

// account puts what holds inside to what holds outside.
func (b *Box) account(s Spec, r rung, inside Report) {
	held := append([]string{Group, Death}, inside.Held...)
	b.report.Held = append(held, b.report.Held...)
	known := func(l string) bool {
		return b.report.Holds(l) || slices.ContainsFunc(b.report.Missing, func(g Gap) bool { return g.Layer == l })
	}
	for _, ns := range []string{Users, Mounts, Processes, IPC, Names, Net} {
		switch {
		case known(ns) || ns == Net && (s.Network || s.Listen > 0):
		case slices.Contains(s.Without, ns):
			b.report.miss("left out", ns)
		case !inKernel(ns):
			b.report.miss("the kernel has none", ns)
		default:
			b.report.miss("given up with another", ns)
		}
	}
	b.report.Missing = append(b.report.Missing, inside.Missing...)
}

func orderOf(cmd *exec.Cmd, s Spec, r rung) order {
	o := order{Path: cmd.Path, Args: cmd.Args, Env: cmd.Env, Dir: cmd.Dir, Grants: grants(s), Scratch: s.Scratch, Listen: s.Listen,
		Network: s.Network, Memory: s.Memory, Nice: s.Nice, Namespaces: r.namespaces, Without: s.Without}
	if dir, err := filepath.Abs(o.Dir); err == nil {
		o.Dir = dir
	}
	if dir, err := filepath.EvalSymlinks(o.Dir); err == nil {
		o.Dir = dir
	}
	limit := func(resource int, value int64) {
		if value > 0 {
			o.Rlimits = append(o.Rlimits, rlimit{resource, uint64(value)})
		}
	}
	o.Rlimits = []rlimit{{unix.RLIMIT_CORE, 0}}
	limit(unix.RLIMIT_NOFILE, maxFiles)
	limit(unix.RLIMIT_FSIZE, s.File)
	limit(unix.RLIMIT_CPU, s.Seconds)
	// The kernel does not count the tasks of the superuser, and those of anybody
	// else all over the machine, but for a namespace of users.
	if os.Geteuid() != 0 && slices.Contains(r.namespaces, Users) {
		limit(unix.RLIMIT_NPROC, s.Tasks)
	}
	return o
}

// abandon ends what is not going to be a program.
func (b *Box) abandon() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
	b.pipe.Close()
	b.group.end()
}

// Report says which layers hold.
func (b *Box) Report() Report { return b.report }

// PID is the number of the first process, which is also that of its group.
func (b *Box) PID() int { return b.cmd.Process.Pid }

// Own tells whether the first process is one of ours, which takes some memory
// that is not the program's.
func (b *Box) Own() bool { return b.pipe != nil }

// Wait returns once the program is over, and how it ended: nil for exit status 0.
// Nothing that it started in its namespace or its cgroup is left then. It may be
// called once.
func (b *Box) Wait() error {
	if b.pipe == nil {
		return b.cmd.Wait()
	}
	var a answer
	if err := b.told.Decode(&a); err != nil {
		a = answer{}
	}
	err := b.cmd.Wait()
	b.pipe.Close()
	b.oom.Store(b.group.oom())
	b.tasks.Store(b.group.full())
	b.group.end()
	if a.Ended {
		return ending(a.Status)
	}
	return err
}

// Processor is the time of processors that the program took, with all that was waited for
// in it. It may be called once Wait has returned.
func (b *Box) Processor() time.Duration { return took(b.cmd) }

// OutOfMemory tells whether the kernel has killed a process of the program for
// the memory that it took.
func (b *Box) OutOfMemory() bool { return b.oom.Load() || b.group.oom() }

// OutOfTasks tells whether the kernel has refused the program another process or
// thread.
func (b *Box) OutOfTasks() bool { return b.tasks.Load() || b.group.full() }

// exit is how a program ended that another process waited for, in the words of
// os/exec.
type exit syscall.WaitStatus

func (e exit) Error() string {
	s := syscall.WaitStatus(e)
	if s.Signaled() {
		return "signal: " + s.Signal().String()
	}
	return fmt.Sprintf("exit status %d", s.ExitStatus())
}

func ending(status uint32) error {
	if status == 0 {
		return nil
	}
	return exit(status)
}
