package sandbox

import "syscall"

// order is what the starter tells the started, once it stands in its cgroup.
type order struct {
	Path    string
	Args    []string
	Env     []string
	Dir     string
	Grants  []grant
	Scratch string
	Listen  int
	Network bool
	Memory  int64
	Nice    int
	Rlimits []rlimit
	// Namespaces that it stands in, and layers that it is not to put on.
	Namespaces []string
	Without    []string
}

// grant is a path with what may be done to it.
type grant struct {
	Path  string
	Write bool
}

type rlimit struct {
	Resource int
	Value    uint64
}

// answer is one of the three things that the started tells: which layers hold;
// that the program runs, or why not; how it ended.
type answer struct {
	Report  *Report
	Retry   string // Why it has to be tried with fewer namespaces.
	Failed  syscall.Errno
	Why     string // What failed, where it was not the start of the program.
	Running bool
	Ended   bool
	Status  uint32
}
