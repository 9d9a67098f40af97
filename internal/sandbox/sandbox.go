// Package sandbox runs a program so that it can harm nothing but itself: layers
// of the kernel's own means, each of which is reported as held or missing. What
// the program is, and how much it may take, is left to its callers.
package sandbox

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"hone"
)

// Command is the hidden subcommand under which a program starts itself to take
// on the limits of a Spec: its main must call Main when that is its first
// argument.
const Command = "sandbox-exec"

// Mode says what happens where a layer does not hold.
type Mode string

// The modes.
const (
	BestEffort Mode = "best_effort" // Run, and report what is missing.
	Require    Mode = "require"     // Refuse to run.
	Off        Mode = "off"         // Only a process group that dies with us.
)

// Spec says what a program may do. All else is refused to it.
type Spec struct {
	// Program starts this very program again; it is what has Main. Empty: none of
	// the layers that a program must put on itself hold.
	Program string
	Mode    Mode
	// Read and Write are files and folders that may be read, and written, besides
	// the system's own. What is not there is passed over.
	Read, Write []string
	// Scratch is a folder that may be written, and that is kept in memory where a
	// mount namespace holds.
	Scratch string
	Network bool // Every network, as without a sandbox.
	// Listen is the one TCP port of this machine that it may serve on; 0 gives it
	// a network of its own.
	Listen int
	// Limits: bytes of memory, bytes of one file, tasks, and seconds of processor
	// time of one process. 0 is no limit.
	Memory, File, Tasks, Seconds int64
	Nice                         int
	// Without are layers that are left out, as if the machine had none.
	Without []string
}

// The layers.
const (
	Group        = "process_group"
	Death        = "parent_death"
	Users        = "user_namespace"
	Mounts       = "mount_namespace"
	Processes    = "pid_namespace"
	Reaper       = "subreaper" // In the place of the pid_namespace.
	IPC          = "ipc_namespace"
	Names        = "uts_namespace"
	Net          = "network_namespace"
	NoPrivileges = "no_new_privileges"
	NoCaps       = "no_capabilities"
	Rlimits      = "rlimits"
	Landlock     = "landlock"
	LandlockNet  = "landlock_network"
	Seccomp      = "seccomp"
	CgroupMemory = "cgroup_memory"
	CgroupPIDs   = "cgroup_pids"
	CgroupCPU    = "cgroup_cpu"
)

// Gap is a layer that does not hold.
type Gap struct {
	Layer string `json:"layer"`
	Why   string `json:"why"`
}

// Report says which layers hold.
type Report struct {
	Held    []string `json:"held"`
	Missing []Gap    `json:"missing,omitempty"`
}

func (r *Report) hold(layers ...string) { r.Held = append(r.Held, layers...) }

func (r *Report) miss(why string, layers ...string) {
	for _, l := range layers {
		r.Missing = append(r.Missing, Gap{l, why})
	}
}

// Holds tells whether a layer does.
func (r Report) Holds(layer string) bool { return slices.Contains(r.Held, layer) }

// String is the report as one sentence without its full stop.
func (r Report) String() string {
	s := "held: " + strings.Join(r.Held, ", ")
	if len(r.Missing) == 0 {
		return s
	}
	gaps := make([]string, len(r.Missing))
	for i, g := range r.Missing {
		gaps[i] = fmt.Sprintf("%s (%s)", g.Layer, g.Why)
	}
	return s + "; missing: " + strings.Join(gaps, ", ")
}

// took is the time of processors that a process took which is over, with its children
// that it waited for.
func took(cmd *exec.Cmd) time.Duration {
	if cmd.ProcessState == nil {
		return 0
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// needs are what must hold for a sandbox to be one: of each line, one layer.
func needs(s Spec) [][]string {
	out := [][]string{{Landlock, Mounts}, {Processes}, {NoPrivileges}, {NoCaps}, {Seccomp}, {Rlimits}}
	if s.Memory > 0 {
		out = append(out, []string{CgroupMemory})
	}
	if s.Tasks > 0 {
		out = append(out, []string{CgroupPIDs})
	}
	if !s.Network && s.Listen > 0 {
		out = append(out, []string{LandlockNet})
	} else if !s.Network {
		out = append(out, []string{Net, LandlockNet})
	}
	return out
}

// Lacking returns an error that names what a sandbox for s needs and the report
// has not, or nil.
func (r Report) Lacking(s Spec) error {
	var gaps []string
	for _, any := range needs(s) {
		if slices.ContainsFunc(any, r.Holds) {
			continue
		}
		why := "not available"
		for _, g := range r.Missing {
			if g.Layer == any[0] {
				why = g.Why
			}
		}
		gaps = append(gaps, fmt.Sprintf("%s (%s)", any[0], why))
	}
	if gaps == nil {
		return nil
	}
	return &hone.Error{Code: hone.Invalid,
		Message: "the sandbox is required and lacks " + strings.Join(gaps, ", "),
		Hint:    "`hone doctor` says what this machine has; train.sandbox: best_effort runs with what there is"}
}
