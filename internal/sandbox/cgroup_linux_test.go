package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFindTrees(t *testing.T) {
	t.Parallel()
	const first = `24 1 0:21 / /proc rw - proc proc rw
30 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
31 24 0:27 /docker/abc /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
32 24 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`
	got := findTrees(first, "4:memory:/docker/abc/hone\n3:cpu,cpuacct:/user\n1:name=systemd:/\n0::/init.scope\n")
	want := trees{"cpu": "/sys/fs/cgroup/cpu,cpuacct/user", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/user", "memory": "/sys/fs/cgroup/memory/hone", "": "/sys/fs/cgroup/unified/init.scope"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := findTrees("garbage\n1 2 - \n", "x\n:\n"); len(got) != 0 {
		t.Errorf("got %v of garbage", got)
	}
}

// unified makes what the kernel shows of a tree of the second version, in which
// the group of this process gives on what is said, and the group that is made
// next is there already, with its files.
func unified(t *testing.T, own, above string) (trees, string) {
	t.Helper()
	root := t.TempDir()
	at := filepath.Join(root, "hone.service", "main")
	made := filepath.Join(root, "hone.service", fmt.Sprintf("hone-%d-%d", os.Getpid(), made.Load()+1))
	if strings.Contains(own, "memory") {
		made = filepath.Join(at, filepath.Base(made))
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(at, "cgroup.subtree_control"), own)
	write(filepath.Join(root, "hone.service", "cgroup.subtree_control"), above)
	for _, file := range []string{"memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.weight", "cgroup.procs"} {
		write(filepath.Join(made, file), "")
	}
	write(filepath.Join(made, "memory.events"), "low 0\noom 3\noom_kill 2\n")
	write(filepath.Join(made, "pids.events"), "max 0\n")
	return trees{"": at}, made
}

func TestUnifiedCgroup(t *testing.T) {
	for name, given := range map[string][2]string{"own": {"cpu memory pids\n", ""}, "above": {"", "cpu memory pids\n"}} {
		t.Run(name, func(t *testing.T) {
			at, dir := unified(t, given[0], given[1])
			var r Report
			g := cgroupIn(at, Spec{Memory: 1 << 30, Tasks: 77}, &r)
			if g == nil || !slices.Equal(r.Held, []string{CgroupMemory, CgroupPIDs, CgroupCPU}) {
				t.Fatalf("got %v", r)
			}
			if err := g.add(4711); err != nil {
				t.Fatal(err)
			}
			for file, want := range map[string]string{"memory.max": fmt.Sprint(1<<30 + ownMemory), "pids.max": "77", "cpu.weight": "10", "cgroup.procs": "4711"} {
				if b, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(b) != want {
					t.Errorf("%s: got %q, %v; want %q", file, b, err, want)
				}
			}
			if !g.oom() || g.full() {
				t.Errorf("out of memory %v, out of tasks %v", g.oom(), g.full())
			}
		})
	}
}

func TestNoCgroup(t *testing.T) {
	t.Parallel()
	var r Report
	if g := cgroupIn(trees{"": t.TempDir()}, Spec{Memory: 1, Tasks: 1}, &r); g != nil || len(r.Missing) != 3 || !strings.Contains(r.Missing[0].Why, "does not give on the controller memory") {
		t.Errorf("got %v, %v", g, r)
	}
	r = Report{}
	if g := cgroupIn(trees{}, Spec{}, &r); g != nil || len(r.Missing) != 1 {
		t.Errorf("got %v, %v", g, r)
	}
	var none *cgroup
	none.end()
	if none.oom() || none.full() {
		t.Error("no group counts something")
	}
}

// What a killed Hone left is removed by the next.
func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dead := filepath.Join(dir, "hone-2147483646-1")
	ours, other := filepath.Join(dir, fmt.Sprintf("hone-%d-1", os.Getpid())), filepath.Join(dir, "hone-x-1")
	for _, d := range []string{dead, ours, other} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sweep(dir)
	if _, err := os.Stat(dead); err == nil {
		t.Error("the group of a process that is gone is there")
	}
	for _, d := range []string{ours, other} {
		if _, err := os.Stat(d); err != nil {
			t.Error(err)
		}
	}
}
