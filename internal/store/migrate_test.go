package store_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"hone"
	"hone/internal/store"
)

// own returns the program's migrations and more.
func own(t *testing.T, more map[string]string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	list, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(list) == 0 {
		t.Fatalf("no migrations (%v)", err)
	}
	for _, name := range list {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: b}
	}
	for name, text := range more {
		files["migrations/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// tables lists what a database has, and its schema's versions.
func tables(t *testing.T, dir string) (names, versions string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "control.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.QueryRow(`SELECT (SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema ORDER BY name)),
		(SELECT group_concat(version) FROM schema_version)`).Scan(&names, &versions)
	if err != nil {
		t.Fatal(err)
	}
	return names, versions
}

// TestMigrationHalfWay breaks a migration in its middle: the old schema stands,
// and the old program opens it.
func TestMigrationHalfWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, dir, store.Options{})
	commit(t, db, hone.Change{Event: hone.Event{Action: "x"}})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	names, versions := tables(t, dir)
	broken := own(t, map[string]string{"0900_more.sql": "CREATE TABLE more (x); INSERT INTO event SELECT * FROM nothing;"})
	if _, err := store.Open(dir, store.Options{}.WithMigrations(broken)); err == nil {
		t.Fatal("the broken migration went through")
	}
	if n, v := tables(t, dir); n != names || v != versions {
		t.Errorf("the schema is %s %s, and was %s %s", n, v, names, versions)
	}
	again := open(t, dir, store.Options{})
	if seq, _, err := again.Head(context.Background()); seq != 1 || err != nil {
		t.Errorf("the head is %d, %v", seq, err)
	}
}

// TestMigrationsByNumber applies one with a lower number than the last, as when
// two were made beside each other.
func TestMigrationsByNumber(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	late := own(t, map[string]string{"0900_late.sql": "CREATE TABLE late (x);"})
	if err := open(t, dir, store.Options{}.WithMigrations(late)).Close(); err != nil {
		t.Fatal(err)
	}
	late["migrations/0899_early.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE early (x);")}
	if err := open(t, dir, store.Options{}.WithMigrations(late)).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "control.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("INSERT INTO early SELECT x FROM late"); err != nil {
		t.Error(err)
	}
	_, err = store.Open(dir, store.Options{})
	wantCode(t, err, hone.Conflict) // It is newer than the program now.
}

// TestNewerLayout refuses a day's file that a newer program wrote.
func TestNewerLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, dir, store.Options{})
	predict(t, db, 1, "a")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	days, err := filepath.Glob(filepath.Join(dir, "events", "*.db"))
	if err != nil || len(days) != 1 {
		t.Fatalf("days %v, %v", days, err)
	}
	raw, err := sql.Open("sqlite", "file:"+days[0]+"?vfs=hone")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(dir, store.Options{})
	wantCode(t, err, hone.Conflict)
}
