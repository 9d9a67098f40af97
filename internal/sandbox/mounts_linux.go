package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// stage is where the new root is built. What lies there is hidden only from a
// program that sees the new root in any case.
const stage = "/tmp"

// newRoot gives the program a root of its own with nothing in it but what it was
// granted: what is not there needs no forbidding.
func newRoot(o order, ownProc bool) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	all := o.Grants
	for _, d := range devices() {
		all = append(all, grant{Path: d, Write: true})
	}
	trees := map[string]int{}
	for _, g := range all {
		fd, err := tree(g)
		if err != nil {
			return err
		}
		trees[g.Path] = fd // -1 for a link.
	}
	if err := unix.Mount("tmpfs", stage, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=4m"); err != nil {
		return fmt.Errorf("mount a new root: %w", err)
	}
	// Before the old one is gone: a new /proc may show no more than one that is seen.
	if err := proc(ownProc); err != nil {
		return err
	}
	for _, g := range all {
		if err := attach(g.Path, trees[g.Path]); err != nil {
			return fmt.Errorf("mount %s: %w", g.Path, err)
		}
	}
	if err := furnish(o); err != nil {
		return err
	}
	if err := unix.Chdir(stage); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the old root: %w", err)
	}
	return unix.MountSetattr(unix.AT_FDCWD, "/", 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}

// tree opens a copy of the mounts at a path, with the attributes that its grant
// gives. A link is no mount, and is made anew.
func tree(g grant) (int, error) {
	info, err := os.Lstat(g.Path)
	if err != nil {
		return -1, err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		return -1, nil
	}
	const flags = unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_RECURSIVE
	fd, err := unix.OpenTree(unix.AT_FDCWD, g.Path, flags)
	if err != nil {
		return -1, fmt.Errorf("copy the mount of %s: %w", g.Path, err)
	}
	set := uint64(unix.MOUNT_ATTR_NOSUID)
	if !g.Write {
		set |= unix.MOUNT_ATTR_RDONLY
	}
	if !strings.HasPrefix(g.Path, "/dev/") {
		set |= unix.MOUNT_ATTR_NODEV
	}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: set}); err != nil {
		return -1, fmt.Errorf("guard the mount of %s: %w", g.Path, err)
	}
	return fd, nil
}

// attach puts a tree at its path below the stage.
func attach(path string, fd int) error {
	to := stage + path
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if fd < 0 {
		target, err := os.Readlink(path)
		if err == nil {
			err = os.Symlink(target, to)
		}
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if err := point(to, st.Mode&unix.S_IFMT == unix.S_IFDIR); err != nil {
		return err
	}
	return unix.MoveMount(fd, "", unix.AT_FDCWD, to, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// point makes what a tree can be mounted on, unless it came with another one.
func point(path string, folder bool) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if folder {
		return os.Mkdir(path, 0o755)
	}
	return os.WriteFile(path, nil, 0o644)
}

func proc(own bool) error {
	if err := os.MkdirAll(stage+"/proc", 0o755); err != nil {
		return err
	}
	if !own {
		fd, err := tree(grant{Path: "/proc"})
		if err != nil {
			return err
		}
		return attach("/proc", fd)
	}
	// Read-only: the settings of the kernel in it belong to the superuser, also of
	// a namespace without rights.
	if err := unix.Mount("proc", stage+"/proc", "proc", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount a /proc: %w", err)
	}
	return nil
}

// furnish adds what programs expect: shared memory, the links in /dev, a folder
// to run in and one to scratch in.
func furnish(o order) error {
	if err := os.MkdirAll(stage+"/dev/shm", 0o755); err != nil {
		return err
	}
	size := "size=64m"
	if o.Memory > 0 {
		size = fmt.Sprintf("size=%d", o.Memory)
	}
	if err := unix.Mount("tmpfs", stage+"/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=1777,"+size); err != nil {
		return fmt.Errorf("mount shared memory: %w", err)
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(to, stage+"/dev/"+name); err != nil {
			return err
		}
	}
	if o.Scratch != "" {
		if err := os.MkdirAll(stage+o.Scratch, 0o700); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", stage+o.Scratch, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0700,size=64m"); err != nil {
			return fmt.Errorf("mount a folder to scratch in: %w", err)
		}
	}
	return os.MkdirAll(stage+o.Dir, 0o755)
}
