package bar

import (
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// OwnCPU is the processor time of this process, of all its threads.
func OwnCPU() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// Memory is a figure of this process in MiB: what it has now, VmRSS, or the most
// that it has had, VmHWM. The resource usage of a process tells of no such peak:
// that one begins at what the program had that started it.
func Memory(what string) float64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return math.NaN()
	}
	_, after, _ := strings.Cut(string(b), "\n"+what+":")
	var kib float64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		return math.NaN()
	}
	return kib / 1024
}

// ForgetPeak lets VmHWM begin anew at what the process has.
func ForgetPeak() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
