package bar

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

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
	p.cmd.SysProcAttr = tied()
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
