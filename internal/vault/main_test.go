package vault_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/app"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/op"
)

// made is a little after the stored folder was.
var made = time.Date(2026, 11, 22, 15, 30, 0, 0, time.UTC)

// unpack returns a copy of a data folder as an older hone left it, with its
// configuration beside it: fraud has two champions behind it, and fraud-3 waits
// for approval of v3.
func unpack(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open("../store/testdata/folders/" + name + ".tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, h.Name)
		if h.FileInfo().IsDir() {
			err = os.MkdirAll(to, 0o700)
		} else {
			var b []byte
			if b, err = io.ReadAll(r); err == nil {
				err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, b, h.FileInfo().Mode().Perm()))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// world is a Hone on a data folder, that moves when it is stepped.
type world struct {
	*app.App
	t     *testing.T
	dir   string // Of the configuration.
	data  string
	clock *clock.Fake
}

// start opens the data folder; "" is the one of the configuration.
func start(t *testing.T, dir, data string, edits ...string) *world {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "hone.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.NewReplacer(edits...).Replace(string(text)))
	c, err := config.Parse("hone.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if data == "" {
		data = filepath.Join(dir, "hone-data")
	}
	c.Server.Data, c.Dir = data, dir
	w := &world{t: t, dir: dir, data: data, clock: clock.NewFake(made)}
	if w.App, err = app.New(t.Context(), app.Options{Config: c, Text: text, Clock: w.clock, Inline: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// old starts a Hone on the stored folder.
func old(t *testing.T, edits ...string) *world { return start(t, unpack(t, "schema-1"), "", edits...) }

func (w *world) try(name string, in any) (any, error) {
	o, ok := op.Find(name)
	if !ok {
		w.t.Fatalf("there is no operation %q", name)
	}
	return o.Call(context.Background(), w.Service(), op.Caller{Name: "ada", Role: op.Admin}, in)
}

// do does an operation that must succeed.
func do[O any](w *world, name string, in any) O {
	w.t.Helper()
	out, err := w.try(name, in)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return out.(O)
}

func (w *world) step(n int) {
	w.t.Helper()
	for range n {
		w.clock.Advance(time.Second)
		if err := w.Loop().Step(w.t.Context(), "fraud"); err != nil {
			w.t.Fatal(err)
		}
	}
}

// rows makes requests whose truth is whether the amount is over 500.
func rows(from, n int) gateway.Request {
	f := frame.New(frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "country", Kind: frame.Category}}, n)
	r := gateway.Request{Frame: f}
	for i := range n {
		f.Cols[0].Num[i], f.Cols[1].Str[i] = float64((from+i)*37%1000), []string{"FR", "DE"}[i%2]
		r.IDs = append(r.IDs, hone.PredictionID(fmt.Sprintf("n%d", from+i)))
	}
	return r
}

// serve answers n requests and sends their labels.
func (w *world) serve(from, n int) {
	w.t.Helper()
	r := rows(from, n)
	if _, err := w.Gateway().Predict(w.t.Context(), "fraud", r); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	in := &op.FeedbackIn{Model: "fraud"}
	for i, id := range r.IDs {
		in.Items = append(in.Items, op.FeedbackItem{PredictionID: id, Label: fmt.Sprint(r.Frame.Cols[0].Num[i] > 500)})
		in.Items[i].Label = map[bool]string{true: "1", false: "0"}[r.Frame.Cols[0].Num[i] > 500]
	}
	do[op.FeedbackOut](w, "feedback", in)
}

func (w *world) view() (champion hone.VersionID, last hone.Run) {
	w.t.Helper()
	v, err := w.Loop().View("fraud")
	if err != nil {
		w.t.Fatal(err)
	}
	return v.Champion.ID, do[op.RunList](w, "runs", &op.ListIn{Model: "fraud"}).Runs[0]
}

func (w *world) whole() op.Verified {
	w.t.Helper()
	v := do[op.Verified](w, "audit verify", &op.VerifyIn{})
	if !v.Whole {
		w.t.Error(v.Sentence)
	}
	return v
}

// finding is what the doctor says about one thing.
func (w *world) finding(name string) op.Finding {
	w.t.Helper()
	for _, f := range do[op.Report](w, "doctor", &op.Nothing{}).Findings {
		if f.Name == name {
			return f
		}
	}
	w.t.Fatalf("the doctor says nothing of %s", name)
	return op.Finding{}
}

// holding lists the files under dir that have the word in them.
func holding(t *testing.T, dir, word string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if bytes.Contains(b, []byte(word)) {
			out = append(out, strings.TrimPrefix(p, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func refused(t *testing.T, err error, code hone.Code, says string) {
	t.Helper()
	e, ok := hone.AsError(err)
	if !ok || e.Code != code || !strings.Contains(e.Message, says) || e.Hint == "" {
		t.Errorf("got %v, want %s, saying %q, with a hint", err, code, says)
	}
}

// approve releases the candidate of a run, by its artefact.
func (w *world) approve(id hone.RunID) {
	w.t.Helper()
	run := do[hone.Run](w, "show", &op.RunIn{Run: string(id)})
	for _, v := range do[op.VersionList](w, "versions", &op.ModelIn{Model: run.Model}).Versions {
		if v.ID == run.Candidate {
			do[op.Done](w, "approve", &op.ApproveIn{Run: string(id), Artefact: v.Artefact})
			return
		}
	}
	w.t.Fatalf("%s has no candidate", id)
}
