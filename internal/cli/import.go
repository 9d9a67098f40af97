package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/op"
	"hone/internal/table"
)

// importBatch is how many rows one request brings.
const importBatch = 1000

// importer reads one file into the log of one model.
type importer struct {
	*history
	g      Globals
	caller Caller
	op     op.Operation
	batch  []op.HistoryItem
	lines  []int
	report ImportReport
	bad    *os.File
	watch  clock.Stopwatch
	told   time.Duration
}

// importFile loads history from a file.
func importFile(ctx context.Context, g Globals, c Caller, now clock.Clock, o ImportOptions) (ImportReport, error) {
	m, err := pickModel(ctx, c, o.Model)
	if err != nil {
		return ImportReport{}, err
	}
	r, err := table.Open(o.File)
	if err != nil {
		return ImportReport{}, err
	}
	defer r.Close()
	load, _ := op.Find("history")
	im := &importer{g: g, caller: c, op: load, watch: clock.Start(), report: ImportReport{File: o.File, Model: m.Name}}
	if im.history, err = newHistory(m, r.Columns(), o, now); err != nil {
		return im.report, err
	}
	im.report.Absent, im.report.Unlabelled = im.absent, im.unlabelled
	err = im.rows(ctx, r)
	if im.bad != nil {
		err = errors.Join(err, im.bad.Close())
	}
	if im.told > 0 {
		fmt.Fprintln(g.Err)
	}
	im.report.Rows = im.count
	im.report.Sentence = im.sentence()
	return im.report, err
}

// sentence says what the import did, and what the file lacks.
func (im *importer) sentence() string {
	rows := func(n int) string {
		if n == 1 {
			return "1 row"
		}
		return fmt.Sprintf("%d rows", n)
	}
	s := fmt.Sprintf("%s of %s: %d stored, %d with a label, %d were there already.",
		rows(im.report.Rows), im.file, im.report.Stored, im.report.Labels, im.report.Repeated)
	if im.report.Bad == 1 {
		s += fmt.Sprintf(" 1 bad row is kept aside in %s.", im.report.BadFile)
	} else if im.report.Bad > 1 {
		s += fmt.Sprintf(" %d bad rows are kept aside in %s.", im.report.Bad, im.report.BadFile)
	}
	if name := im.model.Label.Name; im.report.Unlabelled {
		s += fmt.Sprintf(" The file has no column %q, so its rows have no label.", name)
	}
	if len(im.report.Absent) > 0 {
		s += fmt.Sprintf(" It has no column for %s: they count as missing.", strings.Join(im.report.Absent, ", "))
	}
	return s
}

// pickModel finds the model to import into: the named one, or the only one.
func pickModel(ctx context.Context, c Caller, name string) (hone.Model, error) {
	if name == "" {
		status, _ := op.Find("status")
		out, err := c.Call(ctx, status, &op.Nothing{})
		if err != nil {
			return hone.Model{}, err
		}
		models := out.(op.Status).Models
		if len(models) != 1 {
			return hone.Model{}, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("there are %d models", len(models)), Hint: "say which one with --model"}
		}
		name = models[0].Model
	}
	detail, _ := op.Find("model")
	out, err := c.Call(ctx, detail, &op.ModelIn{Model: name})
	if err != nil {
		return hone.Model{}, err
	}
	return out.(op.ModelDetail).Config, nil
}

func (im *importer) rows(ctx context.Context, r *table.Reader) error {
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return im.flush(ctx)
		}
		if bad, ok := errors.AsType[*table.BadRow](err); ok {
			im.count++
			if err := im.aside(bad.Line, bad.Reason, bad.Raw); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return errors.Join(im.flush(ctx), err)
		}
		item, err := im.item(rec)
		if err != nil {
			if err := im.aside(rec.Line, err.Error(), rec.Values); err != nil {
				return err
			}
			continue
		}
		im.batch, im.lines = append(im.batch, item), append(im.lines, rec.Line)
		if len(im.batch) >= importBatch {
			if err := im.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// flush sends the batch. Where the server refuses it as a whole, its rows are
// sent one by one, so that one bad row does not hold up the others.
func (im *importer) flush(ctx context.Context) error {
	if len(im.batch) == 0 {
		return nil
	}
	err := im.send(ctx, im.batch)
	if e, ok := hone.AsError(err); ok && e.Code == hone.Invalid {
		err = nil
		for i := range im.batch {
			one := im.send(ctx, im.batch[i:i+1])
			if e, ok := hone.AsError(one); ok && e.Code == hone.Invalid {
				one = im.aside(im.lines[i], e.Message, im.batch[i])
			}
			if err = errors.Join(err, one); err != nil {
				break
			}
		}
	}
	im.batch, im.lines = im.batch[:0], im.lines[:0]
	im.tell()
	return err
}

func (im *importer) send(ctx context.Context, items []op.HistoryItem) error {
	out, err := im.caller.Call(ctx, im.op, &op.HistoryIn{Model: im.model.Name, Items: items})
	if err != nil {
		return err
	}
	got := out.(op.Stored)
	im.report.Stored += got.Stored
	im.report.Repeated += got.Repeated
	im.report.Labels += got.Labels
	return nil
}

// tell shows a person progress on standard error, at most twice a second.
func (im *importer) tell() {
	f, ok := im.g.Err.(*os.File)
	if !ok || !terminal(f) {
		return
	}
	if at := im.watch.Elapsed(); !im.g.JSON && at-im.told > 500*time.Millisecond {
		im.told = at
		fmt.Fprintf(im.g.Err, "\r%d rows, %d bad, %.0f rows/s ", im.count, im.report.Bad, float64(im.count)/at.Seconds())
	}
}

// aside keeps a bad row, with its line and why it is bad.
func (im *importer) aside(line int, reason string, raw any) error {
	im.report.Bad++
	if im.bad == nil {
		im.report.BadFile = im.file + ".bad.jsonl"
		f, err := os.Create(im.report.BadFile)
		if err != nil {
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("line %d is bad (%s), and bad rows cannot be kept: %v", line, reason, err), Hint: "import from a folder that can be written to"}
		}
		im.bad = f
	}
	if cells, ok := raw.([]any); ok {
		text := make([]string, len(cells)) // JSON has no NaN, which a file may have.
		for i, v := range cells {
			text[i] = plain(v)
		}
		raw = text
	}
	return json.NewEncoder(im.bad).Encode(map[string]any{"line": line, "reason": reason, "row": raw})
}
