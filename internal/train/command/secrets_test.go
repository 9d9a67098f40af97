package command_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone"
	"hone/internal/train"
	"hone/internal/train/command"
)

const secretly = "secretly-7d1f0c5e9b"

// secretive runs a trainer with the secretly in its environment, and returns all
// that it let others see.
func secretive(t *testing.T, mode string) (j train.Job, seen string, err error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte(secretly+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	j = job(t, mode)
	j.Model.Train.Env = map[string]hone.Secret{"ACME_KEY": "file:key"}
	_, err = command.New(command.Options{Dir: dir}).Train(t.Context(), j, func(p train.Progress) {
		seen += p.Line + "\n"
		for name := range p.Values {
			seen += name + "\n"
		}
	})
	return j, seen, err
}

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	_, seen, err := secretive(t, "whisper")
	e, ok := hone.AsError(err)
	if !ok || !strings.Contains(e.Message, "denied with [secret]") {
		t.Errorf("failed with %v", err)
	}
	for _, want := range []string{"the key is [secret].", "x[secret]\n", "denied with [secret]", "loss\n"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the log lacks %q:\n%.300s", want, seen)
		}
	}
	if all := seen + err.Error(); strings.Contains(all, secretly[:8]) {
		t.Errorf("the secret shows:\n%.500s", all)
	}
}

func TestSecretsAreSweptFromTheFolder(t *testing.T) {
	t.Parallel()
	j, _, err := secretive(t, "spill")
	if err == nil || !strings.Contains(err.Error(), "wrote its secret ACME_KEY into output/model/config") ||
		!strings.Contains(err.Error(), "checkpoint/state") || strings.Contains(err.Error(), secretly) {
		t.Errorf("got %v", err)
	}
	kept := false
	err = filepath.WalkDir(j.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(secretly)) {
			t.Errorf("%s holds the secret", path)
		}
		kept = kept || string(b) == "innocent"
		return err
	})
	if err != nil || !kept {
		t.Errorf("what holds no secret is gone: %v", err)
	}
}

func TestASecretThatIsNotThereEndsTheTraining(t *testing.T) {
	t.Parallel()
	j := job(t, "chatty")
	j.Model.Train.Env = map[string]hone.Secret{"ACME_KEY": "env:HONE_TEST_NO_SUCH_VARIABLE"}
	_, _, err := run(t, j)
	if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid || !strings.Contains(e.Message, "train.env.ACME_KEY: the variable HONE_TEST_NO_SUCH_VARIABLE") {
		t.Errorf("got %v", err)
	}
}
