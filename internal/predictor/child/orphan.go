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
	const pause, starting = 2 * time.Millisecond, 25 // Looks while a program is started.
	sure, unsure := 0, 0
	for range int(drain / pause) {
		found, all := orphans(variable)
		switch {
		case len(found) > 0:
			sure, unsure = 0, 0
		case all:
			sure++
		default:
			unsure++
		}
		if sure == 2 || unsure == starting { // One that was forked during a look is seen by the next.
			return nil
		}
		for _, pid := range found {
			_ = syscall.Kill(pid, syscall.SIGKILL) // What is gone needs no killing.
		}
		time.Sleep(pause)
	}
	found, _ := orphans(variable)
	return fmt.Errorf("end what is left of %s: processes %v do not die", variable, found)
}

// orphans finds the processes that have a variable, and tells whether those are all. A
// program that is being started has no environment for a moment, so that where there is one
// without, nobody knows; a few never have any.
func orphans(variable string) (found []int, all bool) {
	const kernel = 2 // Whose threads have none, nor has the first process.
	all = true
	for pid, s := range processes() {
		if s.zombie || pid == os.Getpid() {
			continue
		}
		// Those of other people cannot be read, and are not ours.
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
		switch {
		case err != nil || pid <= kernel || s.parent == kernel:
		case len(b) == 0:
			all = false
		case slices.ContainsFunc(bytes.Split(b, []byte{0}), func(v []byte) bool { return string(v) == variable }):
			found = append(found, pid)
		}
	}
	return found, all
}
