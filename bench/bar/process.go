package bar

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"hone/internal/clock"
)

// Process is a program under measurement.
type Process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error // Once done.
}

// Start starts a program in dir, whose output goes to dir/NAME.log.
func Start(dir, name, program string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(program, args...), log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	// What measures may die; what it measures must not stay behind.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Stop asks the process to end, and makes it after ten seconds.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // It may have ended.
	select {
	case <-p.done:
	case <-clock.System{}.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// Kill ends the process at once, as a machine that loses power would.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // It may have ended.
	<-p.done
}

// CPU is the user and system time that the process has used, of all its threads,
// as getrusage has it, by the kernel's clock of that process.
func (p *Process) CPU() (time.Duration, error) {
	var ts unix.Timespec
	// The clock of a process is its number, inverted, above three bits of kind.
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|2), &ts); err != nil {
		return 0, p.Died(fmt.Errorf("read the processor time: %w", err))
	}
	return time.Duration(ts.Nano()), nil
}

// RSS is the memory that the process has resident, in bytes.
func (p *Process) RSS() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, p.Died(err)
	}
	for line := range bytes.Lines(b) {
		if rest, ok := strings.CutPrefix(string(line), "VmRSS:"); ok {
			var kib int64
			_, err := fmt.Sscan(rest, &kib)
			return kib << 10, err
		}
	}
	return 0, errors.New("no VmRSS in the status of the process")
}

// Died adds to an error the end of what the process wrote, where it has ended.
func (p *Process) Died(err error) error {
	select {
	case <-p.done:
	default:
		return err
	}
	b, _ := os.ReadFile(p.log)
	return fmt.Errorf("%w; the process ended (%v): …%s", err, p.err, b[max(0, len(b)-2000):])
}

// Until asks every 20 ms whether something is so, at most for the given time.
func (p *Process) Until(limit time.Duration, what string, is func() bool) error {
	for watch := clock.Start(); watch.Elapsed() < limit; <-(clock.System{}.After(20 * time.Millisecond)) {
		if is() {
			return nil
		}
		select {
		case <-p.done:
			return p.Died(errors.New(what + ": it never came"))
		default:
		}
	}
	return fmt.Errorf("%s: not so after %v", what, limit)
}
