// Package fault lets tests break Hone where its state moves: at named points,
// and at single reads and writes of files. Nothing is ever broken unless a test
// asks for it; what must hold afterwards is left to the tests.
package fault

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Mode is what happens at a point.
type Mode string

// The modes.
const (
	Kill    Mode = "kill"    // The process dies at once, as by kill -9.
	Error   Mode = "error"   // The point fails as a broken disk does.
	NoSpace Mode = "nospace" // The point fails as a full disk does.
	Delay   Mode = "delay"   // The point takes a while.
)

// Modes are all modes.
func Modes() []Mode { return []Mode{Kill, Error, NoSpace, Delay} }

// pause is how long a delay takes.
const pause = 30 * time.Millisecond

// Rule breaks one point: at its N-th hit, counted from 1, or at that and all
// later ones.
type Rule struct {
	Point Point
	Mode  Mode
	N     int
	Stay  bool
}

// plan is what is broken at the moment.
type plan struct {
	mu    sync.Mutex
	rules []Rule
	hits  map[Point]int
	file  *os.File // Where each point's first hit is written; may be nil.
	io    func(op, path string) error
}

// current is nil unless something is to be broken or counted: a point then
// costs one atomic load.
var current atomic.Pointer[plan]

// At is called where state moves. It returns nil, unless the point is broken.
func At(p Point) error {
	c := current.Load()
	if c == nil {
		return nil
	}
	return c.at(p)
}

func (c *plan) at(p Point) error {
	c.mu.Lock()
	c.hits[p]++
	n := c.hits[p]
	if n == 1 && c.file != nil {
		// One write, so that a process that dies here has said so.
		c.file.WriteString(string(p) + "\n")
	}
	var mode Mode
	for _, r := range c.rules {
		if r.Point == p && (n == max(r.N, 1) || r.Stay && n >= r.N) {
			mode = r.Mode
		}
	}
	c.mu.Unlock()
	switch mode {
	case Kill:
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // Dead in a moment; nothing more is done till then.
	case Error:
		return fmt.Errorf("broken at %s: %w", p, syscall.EIO)
	case NoSpace:
		return fmt.Errorf("broken at %s: %w", p, syscall.ENOSPC)
	case Delay:
		time.Sleep(pause)
	}
	return nil
}

// IO is called before a file is touched, with what is about to be done: create,
// read, write, sync, truncate, rename, remove. It returns nil, unless a test
// breaks just this.
func IO(op, path string) error {
	c := current.Load()
	if c == nil || c.io == nil {
		return nil
	}
	return c.io(op, path)
}

// Sync brings a file, or a folder, to the disk, unless a test breaks just this.
func Sync(f *os.File) error {
	if err := IO("sync", f.Name()); err != nil {
		return err
	}
	return f.Sync()
}

// Arm breaks points of this process until what it returns is called, which
// tells how often each point was hit. It is for tests, one at a time.
func Arm(rules ...Rule) (disarm func() map[Point]int) {
	c := &plan{rules: rules, hits: map[Point]int{}}
	current.Store(c)
	return func() map[Point]int {
		current.CompareAndSwap(c, nil)
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.hits
	}
}

// ArmIO lets f decide on each touch of a file until what it returns is called.
func ArmIO(f func(op, path string) error) (disarm func()) {
	c := &plan{hits: map[Point]int{}, io: f}
	current.Store(c)
	return func() { current.CompareAndSwap(c, nil) }
}

// FromEnv breaks what HONE_FAILPOINTS says, such as
// "store.commit.apply=kill@3,gateway.plan.write=nospace+": the point, the mode,
// at which hit, and a plus where it stays broken. HONE_FAILPOINTS_HITS names a
// file that the points which were hit are written to. Both are for tests, and
// refused unless HONE_FAILPOINTS_ALLOW is 1.
func FromEnv(env func(string) string) error {
	text, hits := env("HONE_FAILPOINTS"), env("HONE_FAILPOINTS_HITS")
	if text == "" && hits == "" {
		return nil
	}
	if env("HONE_FAILPOINTS_ALLOW") != "1" {
		return errors.New("HONE_FAILPOINTS breaks things on purpose, for tests: unset it, or set HONE_FAILPOINTS_ALLOW=1 too")
	}
	c := &plan{hits: map[Point]int{}}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		r, err := parse(strings.TrimSpace(word))
		if err != nil {
			return fmt.Errorf("read HONE_FAILPOINTS: %w", err)
		}
		c.rules = append(c.rules, r)
	}
	if hits != "" {
		f, err := os.OpenFile(hits, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return fmt.Errorf("open HONE_FAILPOINTS_HITS: %w", err)
		}
		c.file = f
	}
	current.Store(c)
	return nil
}

func parse(word string) (Rule, error) {
	name, how, _ := strings.Cut(word, "=")
	r := Rule{Point: Point(name), N: 1}
	if !slices.Contains(Points(), r.Point) {
		return r, fmt.Errorf("there is no point %q", name)
	}
	how, r.Stay = strings.CutSuffix(how, "+")
	how, number, numbered := strings.Cut(how, "@")
	r.Mode = Mode(how)
	if !slices.Contains(Modes(), r.Mode) {
		return r, fmt.Errorf("%s: there is no mode %q; use kill, error, nospace or delay", name, how)
	}
	if numbered {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return r, fmt.Errorf("%s: %q is no number of a hit", name, number)
		}
		r.N = n
	}
	return r, nil
}

// Watching tells whether touches of files are looked at.
func Watching() bool {
	c := current.Load()
	return c != nil && c.io != nil
}
