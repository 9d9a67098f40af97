package command_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"hone/internal/predictor"
)

// harm is what an attack says that came through.
const harm = "HARM DONE"

var errHarm = errors.New(harm)

// attack is a hostile trainer: the name of what it tries, and in its parameters
// what it was told of the machine. It fails with what it was refused.
func attack(name string) int {
	run := os.Getenv("HONE_RUN")
	var params struct{ Args []string }
	b, err := os.ReadFile(filepath.Join(run, "params.json"))
	if err = errors.Join(err, json.Unmarshal(b, &params)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 9
	}
	try, ok := attacks()[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such attack")
		return 9
	}
	if err := os.MkdirAll(filepath.Join(run, "output", "model"), 0o700); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 9
	}
	if err := try(run, params.Args); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		return 7
	}
	return 0
}

// forever does nothing. A select without cases is taken for a deadlock where no thread is
// cgo's.
func forever() {
	for {
		<-time.After(time.Hour)
	}
}

type try func(run string, args []string) error

func attacks() map[string]try {
	all := map[string]try{}
	for _, some := range []map[string]try{fileAttacks(), processAttacks(), kernelAttacks(), resultAttacks()} {
		for name, f := range some {
			all[name] = f
		}
	}
	return all
}

// read tries to read a file, which is the harm.
func read(path string) error {
	if _, err := os.ReadFile(path); err != nil {
		return err
	}
	return errHarm
}

// change tries to write to a file that is there.
func change(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	f.Close()
	return errHarm
}

func fileAttacks() map[string]try {
	return map[string]try{
		"read":  func(_ string, args []string) error { return read(args[0]) },
		"write": func(_ string, args []string) error { return os.WriteFile(args[0], []byte("owned"), 0o600) },
		"overwrite": func(_ string, args []string) error {
			_ = os.Chmod(args[0], 0o600)
			return os.WriteFile(args[0], []byte("owned"), 0o600)
		},
		"input": func(run string, _ []string) error {
			return errors.Join(change(filepath.Join(run, "train.parquet")), change(filepath.Join(run, "schema.json")))
		},
		"link": func(run string, args []string) error {
			return os.Symlink(args[0], filepath.Join(run, "output", "model", "weights"))
		},
		"hard-link": func(run string, args []string) error {
			to := filepath.Join(run, "output", "model", "weights")
			if err := os.Link(args[0], to); err != nil {
				return errors.Join(err, os.Link(filepath.Join(run, "train.parquet"), to))
			}
			return errHarm
		},
		"hard-link-within": func(run string, _ []string) error {
			model := filepath.Join(run, "output", "model")
			return errors.Join(os.WriteFile(filepath.Join(model, "a"), nil, 0o600), os.Link(filepath.Join(model, "a"), filepath.Join(model, "b")))
		},
		"proc-root": func(_ string, args []string) error {
			return errors.Join(read("/proc/1/root"+args[0]), read("/proc/"+args[1]+"/root"+args[0]), read("/proc/self/root"+args[0]))
		},
		"rename-run": func(run string, _ []string) error {
			if err := os.Rename(run, run+"-away"); err != nil {
				return err
			}
			return errHarm
		},
		"sysctl": func(string, []string) error {
			return errors.Join(change("/proc/sys/kernel/core_pattern"), change("/proc/sys/vm/overcommit_memory"))
		},
		"cgroup": func(_ string, _ []string) error {
			return errors.Join(change("/sys/fs/cgroup/memory/cgroup.procs"), change("/sys/fs/cgroup/cgroup.procs"), change("/sys/fs/cgroup/pids/cgroup.procs"))
		},
		"large": func(run string, _ []string) error {
			f, err := os.Create(filepath.Join(run, "checkpoint", "large"))
			if err != nil {
				return err
			}
			defer f.Close()
			for block := make([]byte, 1<<20); ; {
				if _, err := f.Write(block); err != nil {
					return err
				}
			}
		},
		"sparse": func(run string, _ []string) error {
			path := filepath.Join(run, "tmp", "x")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 100<<30)
		},
		"many-files": func(run string, _ []string) error {
			for i := range 1_000_000 {
				if err := os.WriteFile(filepath.Join(run, "tmp", strconv.Itoa(i)), nil, 0o600); err != nil {
					return err
				}
			}
			return errHarm
		},
	}
}

func processAttacks() map[string]try {
	return map[string]try{
		"connect": func(_ string, args []string) error {
			c, err := net.DialTimeout("tcp", args[0], 5*time.Second)
			if err != nil {
				return err
			}
			c.Close()
			return errHarm
		},
		"environ": func(_ string, args []string) error {
			var said []error
			for _, pid := range []string{"1", "self", strconv.Itoa(os.Getppid()), args[0]} {
				b, err := os.ReadFile("/proc/" + pid + "/environ")
				if strings.Contains(string(b), "canary") {
					return errHarm
				}
				said = append(said, err)
			}
			return errors.Join(append(said, errors.New("no canary"))...)
		},
		"kill": func(_ string, args []string) error {
			pid, err := strconv.Atoi(args[0])
			if err != nil {
				return err
			}
			return syscall.Kill(pid, syscall.SIGKILL)
		},
		"kill-first": func(string, []string) error {
			if os.Getppid() != 1 { // Else it would be the machine's.
				return errors.New("no namespace of processes")
			}
			if err := syscall.Kill(1, syscall.SIGKILL); err != nil {
				return err
			}
			return errors.New("the first process lives on")
		},
		"daemon": func(run string, args []string) error {
			// Out of the group and the session, and handed on to the first process.
			c := exec.Command("/bin/sh", "-c", `setsid sh -c 'trap "" TERM HUP; sleep 1000; : '"$0"'' >/dev/null 2>&1 & sleep 0.2`, args[0])
			return errors.Join(c.Run(), os.RemoveAll(filepath.Join(run, "output", "model")))
		},
		"deaf": func(string, []string) error {
			signal.Ignore(syscall.SIGTERM)
			fmt.Println(`{"step": 1}`)
			forever()
			return errHarm
		},
		"bomb": func(string, []string) error {
			return errors.Join(errors.New("it burnt out"), exec.Command("/bin/sh", "-c", `f() { f | f & wait; }; f`).Run())
		},
		"tasks": func(string, []string) error {
			for range 10_000 {
				if err := exec.Command("/bin/sleep", "1000").Start(); err != nil {
					return err
				}
			}
			return errHarm
		},
		"hog": func(string, []string) error { hog(); return nil },
		"prints": func(string, []string) error {
			b := []byte(strings.Repeat("all work and no play ", 50_000) + "\n")
			for range 256 {
				_, _ = os.Stdout.Write(b)
				_, _ = os.Stderr.Write(b)
			}
			return errors.New("it was all read")
		},
	}
}

func resultAttacks() map[string]try {
	leave := func(text string) try {
		return func(run string, _ []string) error {
			return os.WriteFile(filepath.Join(run, "output", "model", predictor.ManifestName), []byte(text), 0o600)
		}
	}
	return map[string]try{
		"nothing":   func(string, []string) error { return nil },
		"garbage":   leave("\x80\x04\x95 not a manifest"),
		"deep":      leave(strings.Repeat("[", 900_000)),
		"traversal": leave(`{"format": "process", "command": ["./serve"], "files": {"../../../control.db": ""}}`),
		"fifo": func(run string, _ []string) error {
			return unix.Mkfifo(filepath.Join(run, "output", "model", "queue"), 0o600)
		},
		"socket": func(run string, _ []string) error {
			if err := os.Chdir(filepath.Join(run, "output", "model")); err != nil { // A socket's path is short.
				return err
			}
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: "door", Net: "unix"})
			if err == nil {
				l.SetUnlinkOnClose(false)
				err = l.Close()
			}
			return err
		},
		"late": func(run string, _ []string) error {
			path := filepath.Join(run, "output", "model", "late")
			c := exec.Command("/bin/sh", "-c", `setsid sh -c 'while :; do echo x >> "$0"; done' "$0" & sleep 0.1`, path)
			err := c.Run()
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		},
	}
}
