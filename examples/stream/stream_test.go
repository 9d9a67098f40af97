package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/stream"
)

// writeStream writes rows of a concept that changes at once.
func writeStream(t *testing.T, path string, n, change int) {
	t.Helper()
	s := stream.NewSEA(3, func(i int) int {
		if i < change {
			return 2
		}
		return 3
	}, 0.05)
	f := frame.New(s.Schema(), n)
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	row := []string{}
	for _, field := range s.Schema() {
		row = append(row, field.Name)
	}
	w.Write(append(row, "outcome"))
	for i := range n {
		label := s.Next(f, i)
		row = row[:0]
		for c := range s.Schema() {
			row = append(row, strconv.FormatFloat(f.Cols[c].Num[i], 'g', -1, 64))
		}
		w.Write(append(row, label))
	}
	w.Flush()
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestStream builds hone, serves it and plays 3000 rows to it.
func TestStream(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds hone and plays 3000 rows; run without -short")
	}
	t.Parallel()
	dir := t.TempDir()
	file, out := filepath.Join(dir, "sea.csv"), filepath.Join(dir, "report.json")
	writeStream(t, file, 3000, 1200)
	var said bytes.Buffer
	o, err := parse([]string{"--label", "outcome", "--delay-rows", "100", "--tick", "100", "--retrain-cost", "20",
		"--keep", filepath.Join(dir, "keep"), "--json", out, "--out", filepath.Join(dir, "report.txt"), file}, &said)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), o, &said); err != nil {
		t.Fatalf("%v\n%s", err, said.Bytes())
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if r.Rows != 3000 || r.History != 300 || len(r.Lines) != 7 || r.Stalls != 0 {
		t.Errorf("%d rows, %d of history, %d lines, %d stalls; want 3000, 300, 7, 0", r.Rows, r.History, len(r.Lines), r.Stalls)
	}
	if r.Promoted < 1 {
		t.Errorf("nothing was promoted after the change:\n%s", said.Bytes())
	}
	for _, run := range r.Runs {
		if run.Began < 1200+100 {
			t.Errorf("run %d began at row %d, before the first label after the change could come", run.Number, run.Began)
		}
		if run.Ended < run.Began || run.Train == 0 || run.Over == 0 {
			t.Errorf("run %d is incomplete: %+v", run.Number, run)
		}
	}
	if hone, first := r.Lines[0], r.Lines[1]; hone.Errors >= first.Errors {
		t.Errorf("Hone made %d errors and the first model alone %d; the change was to be learned", hone.Errors, first.Errors)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	f := func(good bool, args ...string) {
		t.Helper()
		if _, err := parse(args, &bytes.Buffer{}); (err == nil) != good {
			t.Errorf("%q: got %v, want good %v", args, err, good)
		}
	}
	f(true, "x.csv")
	f(true, "--delay-rows", "0", "x.csv")
	f(false)
	f(false, "x.csv", "y.csv")
	f(false, "--batch", "0", "x.csv")
	f(false, "--retrain-cost", "NaN", "x.csv")
}

// TestFolder sees that data of another Hone is never played to.
func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := folder(filepath.Join(dir, "new")); err != nil {
		t.Error(err)
	}
	_, err := folder(dir)
	if e, ok := hone.AsError(err); !ok || e.Code != hone.Conflict {
		t.Errorf("a folder with files gave %v, want a conflict", fmt.Sprint(err))
	}
}
