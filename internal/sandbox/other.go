//go:build !linux

package sandbox

import (
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Box is a program under way.
type Box struct {
	cmd    *exec.Cmd
	report Report
}

func all() []string {
	return []string{Death, Users, Mounts, Processes, IPC, Names, Net, NoPrivileges, NoCaps, Rlimits, Landlock, LandlockNet, Seccomp, CgroupMemory, CgroupPIDs, CgroupCPU}
}

// Start starts a program that has a process group of its own, and no other
// limit.
func Start(cmd *exec.Cmd, s Spec) (*Box, error) {
	b := &Box{cmd: cmd}
	b.report.hold(Group)
	b.report.miss("there is none on "+runtime.GOOS, all()...)
	if s.Mode == Require {
		if err := b.report.Lacking(s); err != nil {
			return nil, err
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return b, cmd.Start()
}

// Probe says that no layer holds.
func Probe(string, ...string) (Report, error) {
	var r Report
	r.hold(Group)
	r.miss("there is none on "+runtime.GOOS, all()...)
	return r, nil
}

// Main is not called here.
func Main() int { return 125 }

// Report says which layers hold.
func (b *Box) Report() Report { return b.report }

// PID is the number of the first process, which is also that of its group.
func (b *Box) PID() int { return b.cmd.Process.Pid }

// Own tells whether the first process is one of ours.
func (b *Box) Own() bool { return false }

// Wait returns once the program is over, and how it ended.
func (b *Box) Wait() error { return b.cmd.Wait() }

// Processor is the time of processors that the program took, with all that was waited for
// in it. It may be called once Wait has returned.
func (b *Box) Processor() time.Duration { return took(b.cmd) }

// OutOfMemory is never known here.
func (b *Box) OutOfMemory() bool { return false }

// OutOfTasks is never known here.
func (b *Box) OutOfTasks() bool { return false }
