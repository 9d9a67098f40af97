// Package child runs another program in a process group of its own, with a
// scrubbed environment, and leaves nothing of it behind. What the program is
// asked to do, and how much it may take, is left to its callers.
package child

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"hone/internal/sandbox"
)

const (
	maxLine   = 4096 // Bytes of one line; what is longer is cut.
	tailLines = 20
	// A descendant that left the group may hold the pipes for ever; what it
	// writes after its group is gone is not waited for longer than this.
	drain = time.Second
)

// Spec says what to run.
type Spec struct {
	// Command and its arguments. The first word {python} stands for the Python
	// that FindPython gives.
	Command []string
	Python  string // Preferred by FindPython; may be empty.
	Dir     string // Working directory.
	// Env is all that it sees, as NAME=value; Environment gives what most need.
	Env []string
	// Mask, if set, is what is made of each line before anybody sees it.
	Mask func(line string) string
	// Stdout and Stderr receive each line without its end, cut at 4 KiB. They
	// are called one at a time.
	Stdout, Stderr func(line string)
	// Box says what the program may do. What it needs to run at all is added.
	Box sandbox.Spec
}

// Process is a program under way. It is safe for concurrent use.
type Process struct {
	cmd  *exec.Cmd
	box  *sandbox.Box
	done chan struct{}
	err  error // Set before done is closed.

	mask func(string) string

	mu   sync.Mutex // Guards the lines: one is handed on at a time.
	tail []string
}

// Start starts the program. Whoever starts it must Kill or await it: when its
// first process ends, the rest of its group is killed.
func Start(s Spec) (*Process, error) {
	args, err := resolve(s.Command, s.Python)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = s.Dir
	cmd.Env = s.Env
	s.Box.Read = append(sandbox.Needs(append([]string{cmd.Path}, args[1:]...), s.Dir), s.Box.Read...)
	p := &Process{cmd: cmd, done: make(chan struct{}), mask: s.Mask}
	started := make(chan error)
	go p.run(s, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %q: %w", args[0], err)
	}
	return p, nil
}

func (p *Process) run(s Spec, started chan<- error) {
	// The kernel sends the parent-death signal when the thread ends that started
	// the child, so that thread must live as long as the child does.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	var readers sync.WaitGroup
	pipes, err := p.start(s, &readers)
	started <- err
	if err != nil {
		return
	}
	p.err = p.box.Wait()
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // Its children, if any are left.
	waitDrained(&readers, pipes)
	p.awaitGroup()
}

func (p *Process) start(s Spec, readers *sync.WaitGroup) (pipes []*os.File, err error) {
	var ends []*os.File
	for _, to := range []func(string){s.Stdout, s.Stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(append(ends, pipes...))
			return nil, err
		}
		pipes, ends = append(pipes, r), append(ends, w)
		keep := len(pipes) == 2
		readers.Go(func() { p.read(r, to, keep) })
	}
	p.cmd.Stdout, p.cmd.Stderr = ends[0], ends[1]
	p.box, err = sandbox.Start(p.cmd, s.Box)
	closeAll(ends)
	if err != nil {
		readers.Wait()
		closeAll(pipes)
		return nil, err
	}
	return pipes, nil
}

// read hands on lines until the pipe is closed. It goes on reading whatever is
// made of the lines, so that the program never blocks on a full pipe.
func (p *Process) read(r *os.File, to func(string), keep bool) {
	b := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := b.ReadSlice('\n')
		text := strings.ToValidUTF8(strings.TrimRight(string(line), "\r\n"), "\uFFFD")
		for err == bufio.ErrBufferFull {
			_, err = b.ReadSlice('\n')
		}
		if len(line) > 0 {
			p.line(text, to, keep)
		}
		if err != nil {
			return
		}
	}
}

func (p *Process) line(text string, to func(string), keep bool) {
	if p.mask != nil {
		text = p.mask(text)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if keep {
		if len(p.tail) == tailLines {
			p.tail = p.tail[1:]
		}
		p.tail = append(p.tail, text)
	}
	if to != nil {
		to(text)
	}
}

func waitDrained(readers *sync.WaitGroup, pipes []*os.File) {
	drained := make(chan struct{})
	go func() { readers.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(drain):
	}
	closeAll(pipes)
	<-drained
}

// awaitGroup returns once what was killed is gone, so that it writes no more. To
// die takes the kernel a moment; a process that it cannot end is given up.
func (p *Process) awaitGroup() {
	const pause = 2 * time.Millisecond
	for range int(drain / pause) {
		if syscall.Kill(-p.PID(), 0) != nil || len(p.Usage().PIDs) == 0 {
			return
		}
		time.Sleep(pause)
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // Nothing was buffered that could be lost.
	}
}

// PID is the number of the first process, which is also that of the group.
func (p *Process) PID() int { return p.box.PID() }

// Contained says which layers of the sandbox hold.
func (p *Process) Contained() sandbox.Report { return p.box.Report() }

// OutOfMemory tells whether the kernel has killed a process of the program for
// the memory that it took.
func (p *Process) OutOfMemory() bool { return p.box.OutOfMemory() }

// OutOfTasks tells whether the kernel has refused the program another process or
// thread.
func (p *Process) OutOfTasks() bool { return p.box.OutOfTasks() }

// Done is closed once the program is over, its group is gone and its last line
// was handed on.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the program ended: nil for exit status 0. It may be called once
// Done is closed.
func (p *Process) Err() error { return p.err }

// Processor is the time of processors that the program took, with all that it started
// and waited for. It may be called once Done is closed.
func (p *Process) Processor() time.Duration { return p.box.Processor() }

// Tail returns the last 20 lines of standard error.
func (p *Process) Tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.tail, "\n")
}

// Signal sends sig to every process of the group, and SIGKILL to those too that
// left it. A group that is gone is no failure.
func (p *Process) Signal(sig syscall.Signal) {
	select {
	case <-p.done:
		return
	default:
	}
	var all []int
	if sig == syscall.SIGKILL {
		// What moved to a group of its own is found by its ancestors, while they live.
		all = p.Usage().PIDs
	}
	_ = syscall.Kill(-p.PID(), sig)
	for _, pid := range all {
		_ = syscall.Kill(pid, sig)
	}
}

// Stop asks the group to end with SIGTERM, kills it after grace, and returns
// once it is over.
func (p *Process) Stop(grace <-chan time.Time) {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return
	case <-grace:
	}
	p.Signal(syscall.SIGKILL)
	<-p.done
}
