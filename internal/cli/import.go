package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/op"
	"hone/internal/table"
)

// importBatch is how many rows one request brings.
const importBatch = 1000

// importer reads one file into the log of one model.
type importer struct {
	g      Globals
	caller Caller
	op     op.Operation
	model  hone.Model
	file   string
	base   time.Time // Of rows without a time.

	columns map[string]int
	time    string
	id      string
	unit    string
	action  string
	chance  string // The column of the propensity.

	seen   map[string]int // How often the same row has come.
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
	history, _ := op.Find("history")
	im := &importer{g: g, caller: c, op: history, model: m, file: o.File, columns: map[string]int{}, id: o.ID, unit: o.Unit, action: o.Action, chance: o.Propensity,
		seen: map[string]int{}, watch: clock.Start(), report: ImportReport{File: o.File, Model: m.Name},
		base: now.Now().Add(-time.Duration(max(m.Label.Delay, m.Label.After)) - time.Hour)}
	if err := im.match(r.Columns(), o); err != nil {
		return im.report, err
	}
	err = im.rows(ctx, r)
	if im.bad != nil {
		err = errors.Join(err, im.bad.Close())
	}
	if im.told > 0 {
		fmt.Fprintln(g.Err)
	}
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

// match finds the model's features, label and time among the file's columns.
func (im *importer) match(cols []string, o ImportOptions) error {
	for i, c := range cols {
		im.columns[c] = i
	}
	found := 0
	for _, f := range im.model.Features {
		if _, ok := im.columns[f.Name]; ok {
			found++
			continue
		}
		im.report.Absent = append(im.report.Absent, f.Name)
	}
	_, labelled := im.columns[im.model.Label.Name]
	im.report.Unlabelled = !labelled
	if found == 0 {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has none of the features of %s", o.File, im.model.Name), Hint: fmt.Sprintf("its columns are %q", cols)}
	}
	for _, given := range [][2]string{{"time", o.Time}, {"id", o.ID}, {"unit", o.Unit}, {"action", o.Action}, {"propensity", o.Propensity}} {
		if _, ok := im.columns[given[1]]; given[1] != "" && !ok {
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has no column %q for --%s", o.File, given[1], given[0]), Hint: fmt.Sprintf("its columns are %q", cols)}
		}
	}
	im.time = o.Time
	if im.time != "" {
		return nil
	}
	for _, name := range []string{"time", "timestamp", "ts", "datetime", "date", "event_time", "created_at"} {
		if _, ok := im.columns[name]; ok && im.model.Features.Index(name) < 0 {
			im.time = name
			return nil
		}
	}
	return nil
}

func (im *importer) rows(ctx context.Context, r *table.Reader) error {
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return im.flush(ctx)
		}
		if bad, ok := errors.AsType[*table.BadRow](err); ok {
			im.report.Rows++
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

// item reads one row. What the row says makes its name, so that importing it
// again stores nothing.
func (im *importer) item(rec table.Record) (op.HistoryItem, error) {
	im.report.Rows++
	it := op.HistoryItem{Features: map[string]any{}, Time: im.base.Add(time.Duration(im.report.Rows) * time.Microsecond)}
	if im.time != "" {
		v := rec.Values[im.columns[im.time]]
		at, ok := table.ParseTime(v)
		if !ok && plain(v) == "" {
			return it, fmt.Errorf("there is no time in %q", im.time)
		}
		if !ok {
			return it, fmt.Errorf("%q in %q is no time", plain(v), im.time)
		}
		it.Time = at
	}
	for _, f := range im.model.Features {
		i, ok := im.columns[f.Name]
		if !ok {
			continue
		}
		v, err := value(f, rec.Values[i])
		if err != nil {
			return it, err
		}
		if v != nil {
			it.Features[f.Name] = v
		}
	}
	if len(it.Features) == 0 {
		return it, errors.New("every feature is missing")
	}
	if i, ok := im.columns[im.model.Label.Name]; ok {
		if s, isText := rec.Values[i].(string); rec.Values[i] != nil && !(isText && frame.Missing(s)) {
			label, ok := im.model.CanonicalLabel(rec.Values[i])
			if !ok {
				return it, fmt.Errorf("%q in %q is no label of a %s model", plain(rec.Values[i]), im.model.Label.Name, im.model.Task)
			}
			it.Label = label
		}
	}
	if im.unit != "" {
		it.Unit = plain(rec.Values[im.columns[im.unit]])
	}
	if im.action != "" {
		it.Action = plain(rec.Values[im.columns[im.action]])
	}
	if im.chance != "" {
		v, err := value(frame.Field{Name: im.chance, Kind: frame.Number}, rec.Values[im.columns[im.chance]])
		if err != nil {
			return it, err
		}
		if p, ok := v.(float64); ok {
			it.Propensity = &p
		}
	}
	if im.id != "" {
		it.PredictionID = hone.PredictionID(plain(rec.Values[im.columns[im.id]]))
		if err := it.PredictionID.Check(); err != nil {
			return it, err
		}
		return it, nil
	}
	it.PredictionID = im.name(rec, it)
	return it, nil
}

// plain writes a cell as a name: nothing for what is missing, whole numbers in
// full.
func plain(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case float64:
		return frame.FormatNumber(x)
	}
	return fmt.Sprint(v)
}

func value(f frame.Field, v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return v, nil
	}
	if frame.Missing(s) {
		return nil, nil
	}
	if f.Kind != frame.Number {
		return s, nil
	}
	x, ok := frame.ParseNumber(s)
	if !ok {
		return nil, fmt.Errorf("%q in %q is no number", s, f.Name)
	}
	return x, nil
}

func (im *importer) name(rec table.Record, it op.HistoryItem) hone.PredictionID {
	h := sha256.New()
	for _, v := range rec.Values {
		fmt.Fprintf(h, "%v\x00", v)
	}
	sum := string(h.Sum(nil)[:12])
	im.seen[sum]++
	return hone.PredictionID("row-" + hex.EncodeToString([]byte(sum)) + "-" + strconv.Itoa(im.seen[sum]))
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
		fmt.Fprintf(im.g.Err, "\r%d rows, %d bad, %.0f rows/s ", im.report.Rows, im.report.Bad, float64(im.report.Rows)/at.Seconds())
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
