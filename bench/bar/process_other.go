//go:build !linux

package bar

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

func tied() *syscall.SysProcAttr { return nil }

// CPU is measured on Linux only.
func (p *Process) CPU() (time.Duration, error) { return 0, errElsewhere }

// RSS is measured on Linux only.
func (p *Process) RSS() (int64, error) { return 0, errElsewhere }

var errElsewhere = errors.New("what a process takes is not measured on " + runtime.GOOS)
