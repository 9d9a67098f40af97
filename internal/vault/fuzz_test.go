package vault_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone/internal/clock"
	"hone/internal/vault"
)

// FuzzManifest: a backup that lists what it will is refused, reads nothing that
// lies elsewhere and restores nothing.
func FuzzManifest(f *testing.F) {
	file := func(name string) string {
		sum := sha256.Sum256([]byte("db"))
		return fmt.Sprintf(`{"name":%q,"bytes":2,"sha256":"%x"}`, name, sum)
	}
	for _, names := range [][]string{{"control.db"}, {"control.db", "../secret"}, {"control.db", "/etc/passwd"}, {"control.db", `..\secret`, "a/../../secret"}, {"control.db", "control.db"}, {}} {
		var list []string
		for _, n := range names {
			list = append(list, file(n))
		}
		f.Add([]byte(`{"format":1,"made":"2026-03-01T12:00:00Z","audit":{"seq":3,"hash":"x"},"files":[`+strings.Join(list, ",")+`]}`), true)
	}
	f.Add([]byte(`{"format":2}`), true)
	f.Add([]byte(`{"manifest":{"format":1},"sha256":"x"}`), false)
	f.Fuzz(func(t *testing.T, manifest []byte, seal bool) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "backup")
		if seal && json.Valid(manifest) {
			// As it is written: what is inside is hashed as it stands.
			sum := sha256.Sum256(manifest)
			manifest = fmt.Appendf(nil, `{"manifest":%s,"sha256":"%s"}`, manifest, hex.EncodeToString(sum[:]))
		}
		for name, text := range map[string]string{"secret": "canary-7", "backup/control.db": "db", "backup/backup.json": string(manifest)} {
			path := filepath.Join(parent, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		to := filepath.Join(parent, "data")
		_, err := vault.Restore(t.Context(), dir, to, clock.NewFake(made), "ada")
		if err == nil || strings.Contains(err.Error(), "canary-7") {
			t.Fatalf("%q: %v", manifest, err)
		}
		if left, _ := filepath.Glob(to + "*"); len(left) > 0 {
			t.Fatalf("%q left %v", manifest, left)
		}
	})
}
