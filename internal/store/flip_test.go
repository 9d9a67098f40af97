package store_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone/internal/clock"
	"hone/internal/store"
)

// TestFlips turns over single bits of each kind of file that a store keeps,
// opens the folder and asks it everything. The answer must be right, or an
// error. HONE_TEST_LONG=1 turns over a thousand bits of each kind.
func TestFlips(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it opens a folder hundreds of times")
	}
	closed, killed := quick(t), quick(t)
	clk := clock.NewFake(noon)
	db, err := store.Open(closed, store.Options{Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, db, clk)
	clk.Advance(-24 * time.Hour)
	if err := os.CopyFS(killed, os.DirFS(closed)); err != nil { // As a crash leaves it, with logs.
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, file string }{
		{closed, "control.db"}, {closed, "events/2026-03-01.db"}, {closed, "events/2026-03-02.db"},
		{closed, "artefacts/tree/*/model.json"}, {closed, "artefacts/tree/*/hone.json"}, {closed, "artefacts/blob/*"},
		{killed, "control.db-wal"}, {killed, "events/2026-03-02.db-wal"},
	} {
		t.Run(c.file, func(t *testing.T) { flips(t, c.from, c.file, clk.Now()) })
	}
}

func flips(t *testing.T, from, file string, now time.Time) {
	want, said, err := ask(t, from, "", nil, now)
	if err != nil || strings.Contains(said, "dropped") {
		t.Fatal(said, err)
	}
	n := 15
	if long() {
		n = 1000
	}
	names, err := filepath.Glob(filepath.Join(from, file))
	if err != nil || len(names) == 0 {
		t.Fatalf("no %s: %v", file, err)
	}
	r := rand.New(rand.NewPCG(1, uint64(len(file))))
	refused, torn := 0, 0
	for i := range n {
		name := names[i%len(names)]
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bit := r.IntN(8 * len(raw))
		raw[bit/8] ^= 1 << (bit % 8)
		rel, err := filepath.Rel(from, name)
		if err != nil {
			t.Fatal(err)
		}
		got, said, err := ask(t, from, rel, raw, now)
		switch {
		case err != nil:
			refused++
		case strings.Contains(said, "it is dropped, as after a power cut"):
			torn++
		case got != want:
			t.Errorf("bit %d of %s: another answer, and no error", bit, rel)
		}
	}
	t.Logf("%d bits of %s: %d errors, %d warnings of a torn log, %d harmless", n, file, refused, torn, n-refused-torn)
}

// ask copies a folder, with other bytes in one file, and asks it everything.
func ask(t *testing.T, from, file string, raw []byte, now time.Time) (got, said string, err error) {
	t.Helper()
	dir := quick(t)
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if file != "" {
		overwrite(t, filepath.Join(dir, file), string(raw))
	}
	var log bytes.Buffer
	db, err := store.Open(dir, store.Options{Clock: clock.NewFake(now), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		return "", log.String(), err
	}
	defer db.Close()
	got, err = answer(db)
	return got, log.String(), err
}

// TestOldPages opens a folder whose pages have no checksums, as older programs
// wrote them: control.db gets them, and the log is read as it is.
func TestOldPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clk := clock.NewFake(noon)
	db := open(t, dir, store.Options{Clock: clk})
	fill(t, db, clk)
	want, err := answer(db)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"control.db", "events/2026-03-01.db", "events/2026-03-02.db"} {
		bare(t, filepath.Join(dir, name))
	}
	again := open(t, dir, store.Options{Clock: clk})
	got, err := answer(again)
	if err != nil || got != want {
		t.Errorf("another answer (%v)", err)
	}
	predict(t, again, 1, "a")
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if !sealed(t, filepath.Join(dir, "control.db")) || sealed(t, filepath.Join(dir, "events", "2026-03-01.db")) {
		t.Error("control.db has no checksums, or a day of the log has")
	}
	got, err = answer(open(t, dir, store.Options{Clock: clk}))
	if err != nil || !strings.Contains(got, `"d1-2-28"`) {
		t.Errorf("another answer after that (%v)", err)
	}
}

// bare writes a database anew without room for checksums. VACUUM would keep it.
func bare(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+".bare")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	do := func(query string) {
		t.Helper()
		if _, err := db.Exec(query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	do("ATTACH '" + path + "' AS old")
	rows, err := db.Query("SELECT type, name, sql FROM old.sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC")
	if err != nil {
		t.Fatal(err)
	}
	var todo []string
	for rows.Next() {
		var kind, name, text string
		if err := rows.Scan(&kind, &name, &text); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "sqlite_") {
			continue
		}
		todo = append(todo, text)
		if kind == "table" {
			todo = append(todo, fmt.Sprintf("INSERT INTO main.%s SELECT * FROM old.%[1]s", name))
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	rows.Close()
	for _, query := range todo {
		do(query)
	}
	var version int
	if err := db.QueryRow("PRAGMA old.user_version").Scan(&version); err != nil {
		t.Fatal(err)
	}
	do(fmt.Sprintf("PRAGMA main.user_version = %d", version))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".bare", path); err != nil {
		t.Fatal(err)
	}
	if sealed(t, path) {
		t.Fatalf("%s still has checksums", path)
	}
}

func sealed(t *testing.T, path string) bool {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b[20] == 8
}
