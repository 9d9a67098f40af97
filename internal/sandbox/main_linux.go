package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// talk is the descriptor by which the starter and the started talk.
const talk = 3

// oomFirst makes the kernel choose this program when the machine is out of
// memory.
const oomFirst = "1000"

// Main is what a program does that was started with Command as its first
// argument: it takes on what it is told to, starts the program to contain and
// waits for it and for all that it leaves. It returns the exit status.
func Main() int {
	// What is taken on binds one thread, and the programs that this thread starts.
	runtime.LockOSThread()
	unix.CloseOnExec(talk)
	pipe := os.NewFile(talk, "starter")
	var o order
	if err := json.NewDecoder(pipe).Decode(&o); err != nil {
		return 125
	}
	tell := func(a answer) { _ = json.NewEncoder(pipe).Encode(a) } // Who does not listen is gone, and we with it.
	// Best effort: without them the kernel goes by size and need alone.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(oomFirst), 0)
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, o.Nice)
	var r Report
	if err := enter(o, &r); err != nil {
		tell(answer{Retry: err.Error()})
		return 125
	}
	if err := restrict(o, &r); err != nil {
		tell(answer{Why: err.Error()})
		return 125
	}
	tell(answer{Report: &r})
	// Caught, not ignored: what is ignored would be so in the program too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	pid, err := syscall.ForkExec(o.Path, o.Args, &syscall.ProcAttr{Dir: o.Dir, Env: o.Env, Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}})
	if err != nil {
		tell(failed(err))
		return 125
	}
	tell(answer{Running: true})
	status := reap(pid)
	if r.Holds(Reaper) {
		sweepChildren()
	}
	tell(answer{Ended: true, Status: uint32(status)})
	return 0
}

// failed says why a program could not be started.
func failed(err error) answer {
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		return answer{Failed: no}
	}
	return answer{Why: err.Error()}
}

// reap waits for every process that ends here until the program itself has. When
// the first process of a namespace returns, the kernel ends all others.
func reap(pid int) syscall.WaitStatus {
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 1 << 8
		case got == pid:
			return status
		}
	}
}

// sweepChildren kills what the program left, which are children of ours by now,
// until there are none.
func sweepChildren() {
	const tries, pause = 2000, 2 * time.Millisecond
	self := strconv.Itoa(os.Getpid())
	for range tries {
		if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err == syscall.ECHILD {
			return
		}
		stats, _ := filepath.Glob("/proc/[0-9]*/stat") // The pattern is good.
		for _, name := range stats {
			b, _ := os.ReadFile(name) // What has gone meanwhile needs no killing.
			// After the name in brackets, which may hold anything: the state and the parent.
			f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil && len(f) > 1 && f[1] == self && f[0] != "Z" {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		time.Sleep(pause)
	}
}

// enter sets up the namespaces that it stands in.
func enter(o order, r *Report) error {
	in := func(ns string) bool { return slices.Contains(o.Namespaces, ns) }
	if in(Mounts) {
		if err := newRoot(o, in(Processes)); err != nil {
			return err
		}
	}
	if in(Names) {
		if err := unix.Sethostname([]byte("sandbox")); err != nil {
			return err
		}
	}
	if in(Net) {
		_ = loopbackUp() // Without it the program cannot talk to itself; a harm to nobody else.
	}
	for _, ns := range []string{Users, Mounts, Processes, IPC, Names, Net} {
		if in(ns) {
			r.hold(ns)
		}
	}
	if !in(Processes) {
		// What loses its parent becomes a child of ours, and ends with the program.
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			r.miss(err.Error(), Reaper)
		} else {
			r.hold(Reaper)
		}
	}
	return os.Chdir(o.Dir)
}

// loopbackUp brings the loopback of a fresh network up.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

// restrict takes on what the thread and all that it starts can never take off.
func restrict(o order, r *Report) error {
	out := func(layer string) bool { return slices.Contains(o.Without, layer) }
	layer := func(name string, take func() error) {
		if out(name) {
			r.miss("left out", name)
		} else if err := take(); err != nil {
			r.miss(err.Error(), name)
		} else {
			r.hold(name)
		}
	}
	layer(Rlimits, func() error { return setLimits(o.Rlimits) })
	// Landlock's rules need their paths, which a program without capabilities may
	// not all open.
	var ruleset int
	layer(Landlock, func() (err error) {
		ruleset, err = rules(o, r)
		return err
	})
	layer(NoCaps, dropCaps)
	layer(NoPrivileges, func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
	if ruleset > 0 {
		if err := obey(ruleset); err != nil {
			return err
		}
	}
	layer(Seccomp, func() error { return filter(o) })
	return nil
}

func setLimits(limits []rlimit) error {
	for _, l := range limits {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(l.Resource, &now); err != nil {
			return err
		}
		v := min(l.Value, now.Max) // Only who may raise limits could ask for more.
		if err := syscall.Setrlimit(l.Resource, &syscall.Rlimit{Cur: v, Max: v}); err != nil {
			return err
		}
	}
	return nil
}

// dropCaps gives up every capability, also those that a program of the
// superuser would get back.
func dropCaps() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && err != unix.EINVAL && err != unix.EPERM {
			return err
		}
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) // Old kernels have none.
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return err
	}
	b, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return nil // No /proc to check it by.
	}
	for _, name := range []string{"CapPrm:\t", "CapEff:\t", "CapBnd:\t"} {
		_, rest, _ := strings.Cut(string(b), name)
		if set, _, _ := strings.Cut(rest, "\n"); strings.Trim(set, "0") != "" && (name != "CapBnd:\t" || os.Getuid() == 0) {
			return errors.New("some stay: " + name + set)
		}
	}
	return nil
}
