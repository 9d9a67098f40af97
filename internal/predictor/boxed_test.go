package predictor_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/predictor"
	"hone/internal/sandbox"
)

// spy tries what a server has no business with, and says what came of it.
func spy() string {
	b, err := os.ReadFile("targets") // In its own folder, which it may read.
	if err != nil {
		return "cannot read its own folder: " + err.Error()
	}
	secret, addr, _ := strings.Cut(string(b), "\n")
	var out []string
	say := func(what string, err error) {
		if err == nil {
			out = append(out, what)
		}
	}
	_, err = os.ReadFile(secret)
	say("READ", err)
	say("WROTE", os.WriteFile("hone.json", nil, 0o600))
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err == nil {
		c.Close()
	}
	say("CONNECTED", err)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err == nil {
		l.Close()
	}
	say("LISTENED", err)
	u, err := net.Dial("udp", addr)
	if err == nil {
		u.Close()
	}
	say("SENT", err)
	if err := os.WriteFile(filepath.Join(os.TempDir(), "scratch"), []byte("x"), 0o600); err != nil {
		out = append(out, "cannot scratch: "+err.Error())
	}
	return "spied: " + strings.Join(out, " ")
}

func TestServerIsContained(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	have, err := sandbox.Probe("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if !have.Holds(sandbox.Landlock) || !have.Holds(sandbox.Seccomp) {
		t.Skip("NOT TESTED: ", have)
	}
	for title, without := range map[string][]string{
		"all":                nil,
		"without_namespaces": {sandbox.Users, sandbox.Mounts, sandbox.Processes, sandbox.IPC, sandbox.Names, sandbox.Net},
	} {
		t.Run(title, func(t *testing.T) {
			dir := artefact(t, "spy", binary)
			if err := os.WriteFile(filepath.Join(dir, "targets"), []byte(secret+"\n"+l.Addr().String()), 0o600); err != nil {
				t.Fatal(err)
			}
			p := open(t, dir, predictor.Options{Box: sandbox.Spec{Program: "/proc/self/exe", Without: without}})
			_, err := p.Predict(t.Context(), rows(binary, 1))
			if e, ok := hone.AsError(err); !ok || !strings.Contains(e.Message, `status 418: "spied: \n"`) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestServerOutOfMemoryIsRestarted(t *testing.T) {
	t.Parallel()
	hands := clock.NewFake(time.Unix(0, 0))
	p := open(t, artefact(t, "hog", binary), predictor.Options{Clock: hands, Box: sandbox.Spec{Program: "/proc/self/exe", Memory: 96 << 20}})
	have, err := sandbox.Probe("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if !have.Holds(sandbox.CgroupMemory) {
		t.Skip("NOT TESTED: ", have)
	}
	if _, err := p.Predict(t.Context(), rows(binary, 1)); code(err) != hone.Unavailable {
		t.Fatalf("got %v", err)
	}
	// The clock stands still, so nothing may come back by itself.
	eventually(t, func() bool {
		_, err := p.Predict(t.Context(), rows(binary, 1))
		return err != nil && strings.Contains(err.Error(), "out of memory")
	})
	eventually(t, func() bool {
		hands.Advance(100 * time.Millisecond)
		return p.Memory() > 0
	})
}

func TestServerIsNotStartedWithoutARequiredLayer(t *testing.T) {
	t.Parallel()
	_, err := predictor.Open(t.Context(), artefact(t, "good", binary), predictor.Options{
		Box: sandbox.Spec{Program: "/proc/self/exe", Mode: sandbox.Require, Without: []string{sandbox.Landlock, sandbox.Mounts}}})
	if code(err) != hone.Invalid || !strings.Contains(err.Error(), "lacks landlock (left out)") {
		t.Errorf("got %v", err)
	}
}
