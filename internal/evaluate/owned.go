package evaluate

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/predictor/child"
	"hone/internal/sandbox"
)

const (
	ownRows, ownValues = "rows.csv", "values.csv"
	// maxValues bounds the file of values, in bytes a row.
	maxValues = 64
	ownGrace  = 2 * time.Second // From SIGTERM to SIGKILL.
	lookEvery = 200 * time.Millisecond
)

// Owner runs the programs of the owner's metrics.
type Owner struct {
	// Dir is the folder that commands run in, where the configuration lies; Data is
	// the folder of everything that Hone stores, which no program sees.
	Dir, Data string
	Box       sandbox.Spec
	Clock     clock.Clock
}

// The folders of measurements in a run's folder begin with one of these: of rows that
// are held out, and of live ones.
const (
	HeldWork = "metric-"
	LiveWork = "live-"
)

// Measure asks a metric's program what each row was worth by what one version
// said of it. The program is not told which version that is. Work is a folder of
// the call's own: it holds rows, so what lies there before goes, and it is gone when
// Measure returns, however the program fared. An error that the program is to blame
// for is a *hone.Error.
func (o Owner) Measure(ctx context.Context, m hone.Model, name, work string, rows Rows, s Side) (values []float64, err error) {
	metric := m.Metrics[name]
	if work, err = filepath.Abs(work); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := errors.Join(os.RemoveAll(work), os.MkdirAll(filepath.Join(work, "tmp"), 0o700), writeSheet(filepath.Join(work, ownRows), metric, rows, s)); err != nil {
		return nil, fmt.Errorf("prepare the metric %s: %w", name, err)
	}
	if err := o.run(ctx, m, name, work); err != nil {
		return nil, err
	}
	return readValues(filepath.Join(work, ownValues), name, len(rows.Labels))
}

// run returns once the program has ended well.
func (o Owner) run(ctx context.Context, m hone.Model, name, work string) error {
	metric := m.Metrics[name]
	c, err := child.Start(child.Spec{Command: metric.Command, Dir: o.Dir, Box: o.box(m, metric, work),
		Env: append(child.Environment(filepath.Join(work, "tmp"), runtime.NumCPU()), "HONE_METRIC="+work)})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the metric %s cannot be run: %v", name, err), Hint: "install the program, or name Python as {python}"}
	}
	if err != nil {
		return err
	}
	limit := o.Clock.After(time.Duration(metric.Timeout))
	for {
		select {
		case <-c.Done():
			return ended(c, name)
		case <-ctx.Done():
			c.Stop(o.Clock.After(ownGrace))
			return fmt.Errorf("measure %s: %w", name, context.Cause(ctx))
		case <-limit:
			c.Stop(o.Clock.After(ownGrace))
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the metric %s was stopped: it took longer than %s", name, time.Duration(metric.Timeout)),
				Hint: "raise metrics." + name + ".timeout, or let it do less"}
		case <-o.Clock.After(lookEvery):
		}
		if used := c.Usage().Memory; metric.Memory > 0 && used > int64(metric.Memory) && !c.Contained().Holds(sandbox.CgroupMemory) {
			c.Signal(syscall.SIGKILL)
			<-c.Done()
			return tooMuch(name)
		}
	}
}

func ended(c *child.Process, name string) error {
	switch {
	case c.Err() == nil:
		return nil
	case c.OutOfMemory():
		return tooMuch(name)
	}
	message := fmt.Sprintf("the metric %s failed: %v", name, c.Err())
	if tail := c.Tail(); tail != "" {
		message += "; it said:\n" + tail
	}
	return &hone.Error{Code: hone.Invalid, Message: message, Hint: "run the command by hand, with HONE_METRIC naming a folder that has a rows.csv"}
}

func tooMuch(name string) error {
	return &hone.Error{Code: hone.TooLarge, Message: fmt.Sprintf("the metric %s was killed: it used more memory than it may", name),
		Hint: "raise metrics." + name + ".memory, or let it take less"}
}

// box lets the program read what lies beside the configuration and its rows, and
// write its values; it reaches no network.
func (o Owner) box(m hone.Model, metric hone.Metric, work string) sandbox.Spec {
	s := o.Box
	s.Mode, s.Network = sandbox.Mode(m.Train.Sandbox), false
	s.Write = []string{work}
	if dir, err := filepath.Abs(o.Dir); err == nil && o.Dir != "" {
		data, err := filepath.Abs(o.Data)
		if err != nil || o.Data == "" {
			data = filepath.Join(dir, "hone-data")
		}
		s.Read = append(s.Read, sandbox.Folder(dir, data)...)
	}
	for _, p := range m.Train.Read {
		if !filepath.IsAbs(p) {
			p = filepath.Join(o.Dir, p)
		}
		s.Read = append(s.Read, p)
	}
	s.Memory, s.File, s.Nice = int64(metric.Memory), 1<<30, 10
	if s.Tasks == 0 {
		s.Tasks = 512
	}
	s.Seconds = int64((time.Duration(metric.Timeout)+ownGrace).Seconds()+1) * int64(runtime.NumCPU())
	return s
}

// writeSheet writes what the program is given: a line a row.
func writeSheet(path string, metric hone.Metric, rows Rows, s Side) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	columns := columnsOf(metric, rows.Frame)
	head := []string{"__label", "__prediction"}
	switch s.Signature.Task {
	case hone.Binary:
		head = append(head, "__score")
	case hone.Multiclass:
		for _, c := range s.Signature.Classes {
			head = append(head, "__score_"+c)
		}
	}
	for _, c := range columns {
		head = append(head, rows.Frame.Schema[c].Name)
	}
	err = w.Write(head)
	for i := 0; i < len(rows.Labels) && err == nil; i++ {
		scores := s.Scores.Row(i)
		line := []string{rows.Labels[i], s.Signature.Answer(scores)}
		if s.Signature.Task != hone.Regression {
			for _, x := range scores {
				line = append(line, strconv.FormatFloat(x, 'g', -1, 64))
			}
		}
		for _, c := range columns {
			line = append(line, plain(rows.Frame.Value(i, c)))
		}
		err = w.Write(line)
	}
	w.Flush()
	return errors.Join(err, w.Error(), f.Close())
}

// columnsOf are the features that a metric is given, in the order of the model.
func columnsOf(metric hone.Metric, f *frame.Frame) (out []int) {
	for i, field := range f.Schema {
		if len(metric.Columns) == 0 || slices.Contains(metric.Columns, field.Name) {
			out = append(out, i)
		}
	}
	return out
}

// plain is a value as it stands in a file; nothing where it is missing.
func plain(v any) string {
	if v == nil {
		return ""
	}
	return show(v)
}

// readValues reads one number a line, one line a row. The file is what a program
// left: it may be anything.
func readValues(path, name string, n int) ([]float64, error) {
	bad := func(format string, args ...any) error {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the metric %s ", name) + fmt.Sprintf(format, args...),
			Hint: "it writes one number a line into values.csv in the folder that HONE_METRIC names, one line for each row of rows.csv without its header"}
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, bad("left no values.csv")
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > int64(maxValues*(n+1)):
		return nil, bad("left a values.csv that is no file of %d numbers", n)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	values := make([]float64, 0, n)
	scan := bufio.NewScanner(io.LimitReader(f, int64(maxValues*(n+1))))
	for line := 1; scan.Scan(); line++ {
		x, err := strconv.ParseFloat(strings.TrimSpace(scan.Text()), 64)
		if err != nil || !finite(x) {
			return nil, bad("wrote %q in line %d of values.csv, which is no number", clip(scan.Text()), line)
		}
		values = append(values, x)
	}
	if err := scan.Err(); err != nil {
		return nil, err
	}
	if len(values) != n {
		return nil, bad("wrote %d values for %d rows", len(values), n)
	}
	return values, nil
}

func clip(s string) string { return s[:min(len(s), 40)] }
