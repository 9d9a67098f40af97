package command

import (
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"hone/internal/predictor/child"
	"hone/internal/sandbox"
	"hone/internal/train"
)

// scratch is the folder of a run that stands for home and for temporary files.
const scratch = "tmp"

// box says what a trainer may do: read what lies beside the configuration and
// what it was given, and write its results.
func (t *trainer) box(job train.Job) sandbox.Spec {
	spec, in := job.Model.Train, func(name string) string { return filepath.Join(job.Dir, name) }
	s := t.Box
	s.Mode, s.Network = sandbox.Mode(spec.Sandbox), spec.Network
	s.Read = append(append([]string{job.Dir}, t.folder()...), t.paths(spec.Read)...)
	s.Write = []string{in("output"), in("checkpoint"), in(scratch)}
	s.Memory, s.File, s.Nice = int64(spec.Limits.Memory), int64(spec.Limits.Output), nice
	if s.Tasks == 0 {
		s.Tasks = maxTasks
	}
	// What one process may take of the processors is no more than all of them in
	// the time there is.
	if limit := time.Duration(spec.Limits.Time) + grace; spec.Limits.Time > 0 {
		s.Seconds = int64(limit.Seconds()+1) * int64(runtime.NumCPU())
	}
	return s
}

// folder is what a trainer may read of the folder that it runs in.
func (t *trainer) folder() []string {
	if t.Dir == "" {
		return nil
	}
	dir, err := filepath.Abs(t.Dir)
	if err != nil {
		return nil
	}
	if t.Data == "" {
		return sandbox.Folder(dir)
	}
	data, err := filepath.Abs(t.Data)
	if err != nil {
		return nil
	}
	return sandbox.Folder(dir, data)
}

// paths finds the files and folders that the configuration names.
func (t *trainer) paths(given []string) (out []string) {
	for _, p := range given {
		if !filepath.IsAbs(p) {
			p = filepath.Join(t.Dir, p)
		}
		out = append(out, p)
	}
	return out
}

// ours is what a trainer sees in its environment unless the owner says otherwise.
// Its libraries get one thread less than there are cores, so that one is left to
// what answers requests, and none of their threads spins.
func ours(job train.Job) []string {
	return append(child.Environment(filepath.Join(job.Dir, scratch), runtime.NumCPU()-1), "HONE_RUN="+job.Dir)
}

// environment is all that a trainer sees. A name stands in it once: programs do not
// agree on which of two they take.
func environment(job train.Job, s secrets) []string {
	own := s.environment()
	return append(slices.DeleteFunc(ours(job), func(v string) bool { return named(own, v) }), own...)
}

// named tells whether the variable of v is among the given ones.
func named(given []string, v string) bool {
	name, _, _ := strings.Cut(v, "=")
	return slices.ContainsFunc(given, func(g string) bool { return strings.HasPrefix(g, name+"=") })
}
