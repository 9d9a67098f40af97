package child

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// EndOrphans ends what outlived the process that started it: every process that
// has the variable, as NAME=value, in its environment, and returns once none is
// left. Where there is no /proc it finds none.
func EndOrphans(variable string) error {
	const pause = 2 * time.Millisecond
	for range int(drain / pause) {
		found := orphans(variable)
		if len(found) == 0 {
			return nil
		}
		for _, pid := range found {
			_ = syscall.Kill(pid, syscall.SIGKILL) // What is gone needs no killing.
		}
		time.Sleep(pause)
	}
	return fmt.Errorf("end what is left of %s: processes %v do not die", variable, orphans(variable))
}

func orphans(variable string) (found []int) {
	for pid, s := range processes() {
		if s.zombie || pid == os.Getpid() {
			continue
		}
		// Those of other people cannot be read, and are not ours.
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
		if err == nil && slices.ContainsFunc(bytes.Split(b, []byte{0}), func(v []byte) bool { return string(v) == variable }) {
			found = append(found, pid)
		}
	}
	return found
}
