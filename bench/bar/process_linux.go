package bar

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tied ends a program with what started it.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

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
