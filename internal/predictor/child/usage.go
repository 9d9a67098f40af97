package child

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what a program takes at one moment, with all its descendants.
type Usage struct {
	PIDs   []int
	Memory int64 // Resident bytes; pages that processes share count in each.
	// Processor is the time of processors that those which live have taken so far, with
	// what they waited for.
	Processor time.Duration
}

// tick is the unit in which the kernel tells a process's time, whatever its own is.
const tick = time.Second / 100

type stat struct {
	pid, parent, group int
	zombie             bool
	pages, ticks       int64
}

// Usage looks through /proc once, past the sandbox's own first process. It is empty where there is no such folder.
func (p *Process) Usage() Usage {
	var u Usage
	top, page := p.PID(), int64(os.Getpagesize())
	all := processes()
	for _, s := range all {
		if s.zombie || !belongs(all, s, top) || s.pid == top && p.box.Own() {
			continue
		}
		u.PIDs = append(u.PIDs, s.pid)
		u.Memory += s.pages * page
		u.Processor += time.Duration(s.ticks) * tick
	}
	return u
}

// belongs tells whether s is in the group of top or descends from it.
func belongs(all map[int]stat, s stat, top int) bool {
	for range len(all) {
		if s.group == top || s.pid == top {
			return true
		}
		var ok bool
		if s, ok = all[s.parent]; !ok {
			return false
		}
	}
	return false
}

func processes() map[int]stat {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // What could be read is enough.
	all := make(map[int]stat, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if s, ok := readStat(pid); ok {
				all[pid] = s
			}
		}
	}
	return all
}

func readStat(pid int) (stat, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, false
	}
	// The second field is the program's name in brackets and may hold anything.
	_, rest, ok := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ")
	f := strings.Fields(rest)
	if !ok || len(f) < 22 {
		return stat{}, false
	}
	s := stat{pid: pid, zombie: f[0] == "Z"}
	s.parent, _ = strconv.Atoi(f[1])
	s.group, _ = strconv.Atoi(f[2])
	s.pages, _ = strconv.ParseInt(f[21], 10, 64)
	for _, field := range f[11:15] { // Of its own and of its children, in both modes.
		n, _ := strconv.ParseInt(field, 10, 64)
		s.ticks += n
	}
	return s, true
}
