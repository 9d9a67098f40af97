//go:build linux && (amd64 || arm64)

package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// denied are the system calls that no trainer and no server needs, and by which
// others got out of where they were.
func denied() []uint32 {
	return []uint32{
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP,
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE,
		unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_FANOTIFY_INIT,
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
		unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT,
		unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE,
		unix.SYS_DELETE_MODULE, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_SYSLOG,
		unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_VHANGUP,
	}
}

// Where the kernel's struct seccomp_data has what, on little-endian machines.
const (
	atCall = 0
	atArch = 4
	atArgs = 16
)

const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// program is a filter under construction. Every test jumps over what follows it
// at once, so that it can be read from top to bottom.
type program []unix.SockFilter

func (p *program) load(at uint32) {
	*p = append(*p, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at})
}

func (p *program) refuse(no unix.Errno) {
	*p = append(*p, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(no)})
}

func (p *program) pass() {
	*p = append(*p, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
}

// when runs what is inside if the loaded value stands the test, and goes on
// after it if not.
func (p *program) when(test uint16, k uint32, inside func()) {
	at := len(*p)
	*p = append(*p, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | test, K: k})
	inside()
	(*p)[at].Jf = uint8(len(*p) - at - 1)
}

// compile writes the filter for an order.
func compile(o order) program {
	var p program
	arch := uint32(unix.AUDIT_ARCH_X86_64)
	if runtime.GOARCH == "arm64" {
		arch = unix.AUDIT_ARCH_AARCH64
	}
	p.load(atArch)
	p = append(p, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: arch, Jt: 1})
	p = append(p, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS})
	p.load(atCall)
	if runtime.GOARCH == "amd64" {
		const x32 = 0x40000000 // The other set of numbers for the same calls.
		p.when(unix.BPF_JGE, x32, func() { p.refuse(unix.ENOSYS) })
	}
	for _, call := range denied() {
		p.when(unix.BPF_JEQ, call, func() { p.refuse(unix.EPERM) })
	}
	// Its flags lie in memory, where a filter cannot look; libraries then use clone.
	p.when(unix.BPF_JEQ, unix.SYS_CLONE3, func() { p.refuse(unix.ENOSYS) })
	p.when(unix.BPF_JEQ, unix.SYS_CLONE, func() {
		p.load(atArgs)
		p.when(unix.BPF_JSET, newNamespaces, func() { p.refuse(unix.EPERM) })
		p.pass()
	})
	p.when(unix.BPF_JEQ, unix.SYS_SOCKET, func() { p.sockets(o) })
	p.pass()
	return p
}

// sockets allows those of the machine itself, those of the internet where the
// program has a network, and for a server only streams, whose ports Landlock
// checks.
func (p *program) sockets(o order) {
	p.load(atArgs)
	for _, family := range []uint32{unix.AF_UNIX, unix.AF_NETLINK} {
		p.when(unix.BPF_JEQ, family, p.pass)
	}
	for _, family := range []uint32{unix.AF_INET, unix.AF_INET6} {
		p.when(unix.BPF_JEQ, family, func() {
			switch {
			case o.Network || slices.Contains(o.Namespaces, Net):
				p.pass()
			case o.Listen > 0:
				p.load(atArgs + 8)
				*p = append(*p, unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0xf})
				p.when(unix.BPF_JEQ, unix.SOCK_STREAM, func() {
					// Landlock knows TCP alone, and not its multipath form.
					p.load(atArgs + 16)
					p.when(unix.BPF_JEQ, unix.IPPROTO_TCP, p.pass)
					p.when(unix.BPF_JEQ, 0, p.pass)
					p.refuse(unix.EPROTONOSUPPORT)
				})
				p.refuse(unix.EACCES)
			default:
				p.refuse(unix.EACCES)
			}
		})
	}
	p.refuse(unix.EAFNOSUPPORT)
}

// filter puts the filter on this thread.
func filter(o order) error {
	if slices.Contains(o.Without, NoPrivileges) {
		return errors.New("it needs no_new_privileges")
	}
	p := compile(o)
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	if _, _, no := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))); no != 0 {
		return fmt.Errorf("set a filter of system calls: %w", no)
	}
	return nil
}
