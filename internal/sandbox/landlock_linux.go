package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// What Landlock can forbid since which version of its interface.
const (
	fileRights = ll.AccessFSExecute | ll.AccessFSWriteFile | ll.AccessFSReadFile | ll.AccessFSTruncate | ll.AccessFSIoctlDev
	readRights = ll.AccessFSExecute | ll.AccessFSReadFile | ll.AccessFSReadDir
	// A device made in a folder of the program's would open what it has no grant for.
	writeRights = readRights | ll.AccessFSWriteFile | ll.AccessFSRemoveDir | ll.AccessFSRemoveFile | ll.AccessFSMakeDir |
		ll.AccessFSMakeReg | ll.AccessFSMakeSock | ll.AccessFSMakeFifo | ll.AccessFSMakeSym | ll.AccessFSRefer | ll.AccessFSTruncate
	allRights = writeRights | ll.AccessFSMakeChar | ll.AccessFSMakeBlock | ll.AccessFSIoctlDev
	scopes    = ll.ScopeAbstractUnixSocket | ll.ScopeSignal
)

func landlockRights(abi int) uint64 {
	rights := uint64(allRights)
	if abi < 5 {
		rights &^= ll.AccessFSIoctlDev
	}
	if abi < 3 {
		rights &^= ll.AccessFSTruncate
	}
	if abi < 2 {
		rights &^= ll.AccessFSRefer
	}
	return rights
}

// rules makes a ruleset of the grants, ready to be obeyed.
func rules(o order, r *Report) (int, error) {
	abi, err := ll.LandlockGetABIVersion()
	if err != nil {
		r.miss(err.Error(), LandlockNet)
		return 0, err
	}
	handled := landlockRights(abi)
	attr := ll.RulesetAttr{HandledAccessFS: handled}
	if abi >= 6 {
		attr.Scoped = scopes
	}
	ownNet := slices.Contains(o.Namespaces, Net)
	switch {
	case o.Network || ownNet:
	case slices.Contains(o.Without, LandlockNet):
		r.miss("left out", LandlockNet)
	case abi < 4:
		r.miss(fmt.Sprintf("the kernel's Landlock is version %d of 4", abi), LandlockNet)
	default:
		attr.HandledAccessNet = ll.AccessNetBindTCP | ll.AccessNetConnectTCP
		r.hold(LandlockNet)
	}
	set, err := ll.LandlockCreateRuleset(&attr, 0)
	if err != nil {
		return 0, err
	}
	if attr.HandledAccessNet != 0 && o.Listen > 0 {
		if err := ll.LandlockAddNetPortRule(set, &ll.NetPortAttr{AllowedAccess: ll.AccessNetBindTCP, Port: uint64(o.Listen)}, 0); err != nil {
			return 0, err
		}
	}
	for _, g := range landlockGrants(o) {
		if err := allow(set, g.Path, g.rights&handled); err != nil {
			return 0, fmt.Errorf("allow %s: %w", g.Path, err)
		}
	}
	unix.CloseOnExec(set)
	return set, nil
}

type rights struct {
	grant
	rights uint64
}

func landlockGrants(o order) (out []rights) {
	for _, g := range o.Grants {
		may := uint64(readRights)
		if g.Write {
			may = writeRights
		}
		out = append(out, rights{g, may})
	}
	for _, d := range devices() {
		out = append(out, rights{grant{Path: d}, ll.AccessFSReadFile | ll.AccessFSReadDir | ll.AccessFSWriteFile | ll.AccessFSIoctlDev})
	}
	out = append(out, rights{grant{Path: "/proc"}, ll.AccessFSReadFile | ll.AccessFSReadDir},
		rights{grant{Path: "/dev/shm"}, writeRights &^ ll.AccessFSExecute}, rights{grant{Path: o.Dir}, ll.AccessFSReadDir})
	if o.Scratch != "" {
		out = append(out, rights{grant{Path: o.Scratch}, writeRights})
	}
	return out
}

// allow adds one path; one that is not there needs no rule.
func allow(set int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= fileRights
	}
	return ll.LandlockAddPathBeneathRule(set, &ll.PathBeneathAttr{ParentFd: fd, AllowedAccess: rights}, 0)
}

func obey(set int) error {
	defer unix.Close(set)
	if err := ll.LandlockRestrictSelf(set, 0); err != nil {
		return fmt.Errorf("obey the rules of Landlock: %w", err)
	}
	return nil
}
