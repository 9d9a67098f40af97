package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/store"
)

func digest(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }

// people stores principals as they are changed.
type people struct {
	*testing.T
	db *store.DB
}

func (p people) put(x hone.Principal) error {
	p.Helper()
	if x.Created.IsZero() {
		x.Created = noon
	}
	_, err := p.db.Commit(context.Background(), p.db.Fence(), hone.Change{Principal: &x, Event: hone.Event{Actor: "test", Action: "principal.changed", Sentence: "changed"}})
	return err
}

func (p people) must(x hone.Principal) {
	p.Helper()
	if err := p.put(x); err != nil {
		p.Fatal(err)
	}
}

func (p people) known(token, name string) hone.Principal {
	p.Helper()
	got, err := p.db.PrincipalByToken(token)
	if name == "" {
		wantCode(p.T, err, hone.Unknown)
	} else if err != nil || got.Name != name {
		p.Errorf("token %s: %+v, %v, want %s", token, got, err, name)
	}
	return got
}

func TestPrincipals(t *testing.T) {
	t.Parallel()
	dir, hands := t.TempDir(), clock.NewFake(noon)
	p := people{t, open(t, dir, store.Options{Clock: hands})}
	ada := hone.Principal{Name: "ada", Role: "admin", Kind: "person", Token: digest("a")}
	bob := hone.Principal{Name: "bob", Role: "viewer", Kind: "service", Models: []string{"churn", "fraud"}, Data: true, Expires: noon.Add(time.Hour), Token: digest("b")}
	p.must(ada)
	p.must(bob)
	p.known("a", "ada")
	if got := p.known("b", "bob"); got.Role != "viewer" || got.Kind != "service" || len(got.Models) != 2 || !got.Data || !got.Expires.Equal(bob.Expires) || !got.Created.Equal(noon) {
		t.Errorf("bob is %+v", got)
	}
	for _, none := range []string{"", " ", "c", "A", digest("a")} {
		p.known(none, "")
	}
	wantCode(t, p.put(hone.Principal{Name: "eve", Role: "admin", Token: digest("a")}), hone.Conflict)
	wantCode(t, p.put(hone.Principal{Name: "eve", Role: "admin", Token: "short"}), hone.Invalid)
	p.known("a", "ada") // What was not committed has changed nothing.

	// The last admin stays, also beside one whose token ends by itself.
	gone := ada
	gone.Revoked = noon
	wantCode(t, p.put(gone), hone.Conflict)
	p.must(hone.Principal{Name: "guest", Role: "admin", Kind: "person", Expires: noon.Add(time.Hour), Token: digest("g")})
	wantCode(t, p.put(gone), hone.Conflict)
	lesser := ada
	lesser.Role = "viewer"
	wantCode(t, p.put(lesser), hone.Conflict)
	p.must(hone.Principal{Name: "cai", Role: "admin", Kind: "person", Token: digest("c")})
	p.must(gone)
	p.known("a", "")

	hands.Advance(time.Hour - time.Nanosecond)
	p.known("b", "bob")
	hands.Advance(time.Nanosecond)
	p.known("b", "")
	if err := p.db.SaveLastUsed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.db.Close(); err != nil {
		t.Fatal(err)
	}
	p.db = open(t, dir, store.Options{Clock: hands})
	p.known("a", "")
	p.known("c", "cai")
	list := p.db.Principals()
	if len(list) != 4 || list[1].Name != "bob" || !list[1].LastUsed.Equal(noon.Add(time.Hour-time.Nanosecond)) || list[0].Revoked.IsZero() || list[3].Name != "guest" {
		t.Errorf("listed %+v", list)
	}
}

// TestRevokeTwoAdmins has each of two admins revoked at the same time: one of
// them stays.
func TestRevokeTwoAdmins(t *testing.T) {
	t.Parallel()
	p := people{t, open(t, t.TempDir(), store.Options{})}
	both := []hone.Principal{{Name: "ada", Role: "admin", Token: digest("a")}, {Name: "bob", Role: "admin", Token: digest("b")}}
	p.must(both[0])
	p.must(both[1])
	var wait sync.WaitGroup
	errs := make([]error, 2)
	for i, x := range both {
		x.Revoked = noon
		wait.Go(func() { errs[i] = p.put(x) })
	}
	wait.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("revoked: %v, %v", errs[0], errs[1])
	}
}

// TestPrincipalsOfBefore opens a folder that knows names, roles and tokens alone.
func TestPrincipalsOfBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := os.ReadFile("migrations/0001_start.sql")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", filepath.Join(dir, "control.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{string(first), "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied INTEGER NOT NULL)", "INSERT INTO schema_version VALUES (1, 0)",
		"INSERT INTO principal (name, role, token_sha256, created) VALUES ('owner', 'admin', '" + digest("o") + "', 0)"} {
		if _, err := raw.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	p := people{t, open(t, dir, store.Options{})}
	if got := p.known("o", "owner"); got.Role != "admin" || got.Kind != "person" || got.Models != nil || got.Data {
		t.Errorf("the owner is %+v", got)
	}
}
