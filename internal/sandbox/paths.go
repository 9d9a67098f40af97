package sandbox

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// systemFiles are what every program may read: programs, libraries, and what
// says nothing about anybody. Of /etc only what libraries ask for, since a
// program that runs as root could read the rest.
func systemFiles() []string {
	return []string{"/bin", "/sbin", "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store",
		"/sys/devices", "/sys/bus", "/sys/class", "/sys/module", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage",
		"/etc/alternatives", "/etc/ca-certificates", "/etc/fonts", "/etc/gai.conf", "/etc/group", "/etc/host.conf", "/etc/hosts",
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/locale.alias", "/etc/localtime", "/etc/mime.types",
		"/etc/nsswitch.conf", "/etc/OpenCL", "/etc/os-release", "/etc/passwd", "/etc/pki", "/etc/protocols", "/etc/resolv.conf",
		"/etc/services", "/etc/ssl", "/etc/timezone"}
}

// devices are the files under /dev that every program may use: without state,
// and those of accelerators.
func devices() []string {
	out := []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}
	for _, pattern := range []string{"/dev/nvidia*", "/dev/kfd", "/dev/dri", "/dev/accel", "/dev/infiniband"} {
		found, _ := filepath.Glob(pattern) // The patterns are good.
		out = append(out, found...)
	}
	return out
}

// Folder lists what of a folder a program may read: all but hidden entries, of
// which only a virtual environment is one's business, and but for the paths in
// except and what lies on the way to them.
func Folder(dir string, except ...string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	whole := true
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		on := func(p string) bool { return p == path || strings.HasPrefix(p, path+"/") }
		switch {
		case strings.HasPrefix(e.Name(), ".") && e.Name() != ".venv", slices.Contains(except, path):
			whole = false
		case slices.ContainsFunc(except, on):
			whole = false
			out = append(out, Folder(path, except...)...)
		default:
			out = append(out, path)
		}
	}
	if whole && dir != "/" {
		return []string{dir}
	}
	return out
}

// Needs lists what a command must read to run at all: its program, the files
// that its arguments name in full, and the Python that it stands for.
func Needs(command []string, dir string) []string {
	if len(command) == 0 {
		return nil
	}
	program := command[0]
	if !filepath.IsAbs(program) {
		program = filepath.Join(dir, program)
	}
	out := []string{program}
	for _, arg := range command[1:] {
		if info, err := os.Stat(arg); err == nil && filepath.IsAbs(arg) && info.Mode().IsRegular() {
			out = append(out, arg)
		}
	}
	if strings.HasPrefix(filepath.Base(program), "python") {
		out = append(out, pythonFiles(program)...)
	}
	return out
}

// pythonFiles is where a Python has its library: below the folder above that of
// the program, that of the Python that a virtual environment was made of, and
// the folders that its environment names.
func pythonFiles(program string) (out []string) {
	home, _ := os.UserHomeDir()
	add := func(dir string) {
		if filepath.IsAbs(dir) && dir != "/" && dir != home {
			out = append(out, filepath.Clean(dir))
		}
	}
	prefix := func(program string) {
		bin := filepath.Dir(program)
		above := filepath.Dir(bin)
		library, _ := filepath.Glob(filepath.Join(above, "lib", "python3*"))
		_, err := os.Stat(filepath.Join(above, "pyvenv.cfg"))
		if err == nil || len(library) > 0 || filepath.Base(bin) == "shims" {
			add(above)
		}
	}
	programs := []string{program}
	if from := madeOf(filepath.Join(filepath.Dir(filepath.Dir(program)), "pyvenv.cfg")); from != "" {
		programs = append(programs, filepath.Join(from, "python3"))
	}
	for _, p := range programs {
		prefix(p)
		if real, err := filepath.EvalSymlinks(p); err == nil {
			prefix(real)
		}
	}
	for _, name := range []string{"PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "VIRTUAL_ENV"} {
		for _, dir := range filepath.SplitList(os.Getenv(name)) {
			add(dir)
		}
	}
	if home != "" {
		user, _ := filepath.Glob(filepath.Join(home, ".local", "lib", "python3*"))
		out = append(out, user...)
	}
	return out
}

// madeOf reads the folder of the Python that a virtual environment was made of.
func madeOf(cfg string) string {
	f, err := os.Open(cfg)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok && strings.TrimSpace(name) == "home" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// grants are the paths that are there, parents first, each once, also under the
// name that its links come to. A path below one that grants as much is left out.
func grants(s Spec) []grant {
	found := map[string]bool{}
	add := func(paths []string, write bool) {
		for _, p := range paths {
			p, err := filepath.Abs(p) // What applies them works in another folder.
			if err != nil {
				continue
			}
			real, err := filepath.EvalSymlinks(p)
			if err != nil {
				continue
			}
			found[real] = found[real] || write
			found[filepath.Clean(p)] = found[filepath.Clean(p)] || write
		}
	}
	add(systemFiles(), false)
	add(s.Read, false)
	add(s.Write, true)
	paths := make([]string, 0, len(found))
	for p := range found {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	var out []grant
	for _, p := range paths {
		covered := slices.ContainsFunc(out, func(g grant) bool {
			return strings.HasPrefix(p, strings.TrimSuffix(g.Path, "/")+"/") && (g.Write || !found[p])
		})
		if !covered {
			out = append(out, grant{p, found[p]})
		}
	}
	return out
}
