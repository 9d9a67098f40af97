package secret_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hone"
	"hone/internal/secret"
)

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("own", "canary-1\n", 0o600)
	write("frozen", "canary-2", 0o400)
	write("group", "canary-3", 0o640)
	write("world", "canary-4", 0o604)
	write("empty", "\n", 0o600)
	write("zero", "canary-5\x00", 0o600)
	write("large", strings.Repeat("canary", 11_000), 0o600)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HONE_TEST_CANARY", "canary-6")
	t.Setenv("HONE_TEST_EMPTY", "")
	f := func(s hone.Secret, want, refusal string) {
		t.Helper()
		got, err := secret.Resolve(s, dir)
		if got != want || (err == nil) != (refusal == "") {
			t.Errorf("%s: got %q, %v", s, got, err)
		}
		if err == nil {
			return
		}
		e, ok := hone.AsError(err)
		if !ok || e.Code != hone.Invalid || e.Hint == "" || !strings.Contains(e.Message, refusal) || strings.Contains(e.Error(), "canary") {
			t.Errorf("%s: refused with %v", s, err)
		}
	}
	f("file:own", "canary-1", "")
	f(hone.Secret("file:"+filepath.Join(dir, "frozen")), "canary-2", "")
	f("env:HONE_TEST_CANARY", "canary-6", "")
	f("file:group", "", "may be read by others (mode 0640)")
	f("file:world", "", "may be read by others (mode 0604)")
	f("file:empty", "", "is empty")
	f("file:zero", "", "zero byte")
	f("file:large", "", "too large")
	f("file:pipe", "", "not a regular file")
	f("file:.", "", "not a regular file")
	f("file:nothing", "", "there is no secret")
	f("env:HONE_TEST_EMPTY", "", "is not set")
	f("env:HONE_TEST_NOTHING", "", "is not set")
	for _, literal := range []hone.Secret{"", "canary", "env:", "file:", "vault:canary"} {
		f(literal, "", "no reference")
	}
}

func TestMasker(t *testing.T) {
	t.Parallel()
	mask := secret.Masker([]string{"hunter2hunter2", "hunter2", "-----BEGIN KEY-----\nabcdefgh\n"})
	f := func(line, want string) {
		t.Helper()
		if got := mask(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
	f("nothing here", "nothing here")
	f("key=hunter2hunter2;", "key=[secret];")
	f("hunter2 hunter2", "[secret] [secret]")
	f("then abcdefgh then", "then [secret] then")
	f("a line that was cut: abcdef", "a line that was cut: [secret]")
	f("a line that was cut: -----BEGIN K", "a line that was cut: [secret]")
	f("the hun", "the hun") // Too short a part to tell anything.
	if secret.Masker(nil) != nil || secret.Masker([]string{"", "\n"}) != nil {
		t.Error("there is nothing to mask, and a function that does")
	}
}
