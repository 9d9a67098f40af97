package command_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

func kernelAttacks() map[string]try {
	raw := func(family, kind int) error {
		fd, err := unix.Socket(family, kind, 0)
		if err != nil {
			return err
		}
		unix.Close(fd)
		return errHarm
	}
	call := func(no uintptr, args ...uintptr) error {
		a := append(args, 0, 0, 0, 0)
		if _, _, e := unix.Syscall6(no, a[0], a[1], a[2], a[3], 0, 0); e == unix.EPERM {
			return e
		} else if e != 0 {
			return fmt.Errorf("%s: call %d: %w", harm, no, e)
		}
		return errHarm
	}
	return map[string]try{
		"trace": func(_ string, args []string) error {
			pid, err := strconv.Atoi(args[0])
			if err != nil {
				return err
			}
			if err := syscall.PtraceAttach(pid); err != nil {
				return errors.Join(err, syscall.PtraceAttach(os.Getppid()))
			}
			return errHarm
		},
		"raw": func(string, []string) error {
			return errors.Join(raw(unix.AF_INET, unix.SOCK_RAW), raw(unix.AF_PACKET, unix.SOCK_RAW))
		},
		"setuid": func(string, []string) error { return syscall.Setuid(1) },
		"set-user-id-file": func(run string, _ []string) error {
			sh, err := os.ReadFile("/bin/sleep")
			path := filepath.Join(run, "tmp", "sleep")
			err = errors.Join(err, os.WriteFile(path, sh, 0o700), os.Chmod(path, 0o4755|os.ModeSetuid))
			if err != nil {
				return err
			}
			var fs unix.Statfs_t
			if err := unix.Statfs(path, &fs); err == nil && fs.Flags&unix.ST_NOSUID == 0 {
				return errHarm
			}
			return errors.New("set-user-id counts for nothing here")
		},
		"mount": func(run string, _ []string) error {
			return unix.Mount("tmpfs", filepath.Join(run, "tmp"), "tmpfs", 0, "")
		},
		"unshare": func(string, []string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
		"device": func(run string, _ []string) error {
			return unix.Mknod(filepath.Join(run, "output", "model", "disk"), unix.S_IFBLK|0o600, 7<<8)
		},
		"calls": func(string, []string) error {
			return errors.Join(call(unix.SYS_BPF), call(unix.SYS_KEYCTL), call(unix.SYS_IO_URING_SETUP, 1), call(unix.SYS_USERFAULTFD),
				call(unix.SYS_PERF_EVENT_OPEN), call(unix.SYS_SETNS), call(unix.SYS_KEXEC_LOAD), call(unix.SYS_PROCESS_VM_READV, uintptr(os.Getppid())),
				call(unix.SYS_INIT_MODULE), call(unix.SYS_OPEN_BY_HANDLE_AT))
		},
	}
}
