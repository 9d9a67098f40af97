package spool

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"hone"
)

// outlet drains one gateway.
type outlet struct {
	o       DrainOptions
	dir     string
	name    string
	open    bool
	at      mark
	stats   GatewayStats
	ejected map[Ejection]bool // That were told.
	// stored are the shadow scores that may come a second time, because they lie
	// behind the mark that was read.
	stored   map[scored]bool
	unmarked bool // There is no mark to tell them by.
}

type scored struct {
	model   string
	id      hone.PredictionID
	version hone.VersionID
}

func newOutlet(o DrainOptions, name string) *outlet {
	return &outlet{o: o, name: name, dir: filepath.Join(Folder(o.Data), name), stats: GatewayStats{Gateway: name}, ejected: map[Ejection]bool{}}
}

func (x *outlet) drain(ctx context.Context) error {
	if err := x.tell(ctx); err != nil {
		return err
	}
	if err := x.resume(ctx); err != nil {
		return err
	}
	numbers, err := segments(x.dir)
	if err != nil {
		return err
	}
	for i, n := range numbers {
		if n < x.at.Segment { // Stored, and not yet removed.
			if err := os.Remove(segmentPath(x.dir, n)); err != nil {
				return err
			}
			continue
		}
		if n > x.at.Segment {
			x.at = mark{Segment: n}
		}
		if err := x.segment(ctx, n, i < len(numbers)-1); err != nil {
			return err
		}
	}
	x.stored, x.unmarked = nil, false // All that could come twice has come.
	x.stats.Waiting, err = waiting(x.dir)
	return err
}

// tell passes on what the gateway has ejected, and what it refused.
func (x *outlet) tell(ctx context.Context) error {
	refused, err := readRefusals(x.dir)
	if err != nil { // Nothing waits for it.
		x.o.Log.Warn("what a gateway refused is not known", "gateway", x.name, "error", err)
	} else {
		x.stats.Refused = refused
	}
	list, err := readEjections(x.dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if x.ejected[e] {
			continue
		}
		if err := x.o.Ejected(ctx, e); err != nil {
			return err
		}
		x.ejected[e] = true
	}
	return nil
}

// resume reads the mark, and what was stored behind it. A mark that cannot be
// read says nothing: all is drained again, and every score looked up.
func (x *outlet) resume(ctx context.Context) (err error) {
	if x.open {
		return nil
	}
	x.stored, x.unmarked = map[scored]bool{}, false
	if x.at, err = loadMark(x.dir); err != nil {
		x.o.Log.Warn("a spool is drained from its beginning", "gateway", x.name, "error", err)
		x.unmarked = true
	}
	for _, model := range slices.Sorted(maps.Keys(x.at.Shadows)) {
		if err := x.look(ctx, model); err != nil {
			return err
		}
	}
	x.open = true
	return nil
}

// look finds the scores of a model that were stored behind the mark.
func (x *outlet) look(ctx context.Context, model string) error {
	for after := x.at.Shadows[model]; ; {
		list, err := x.o.Sink.Shadows(ctx, model, after, roundRows)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, s := range list {
			x.stored[scored{model, s.ID, s.Version}] = true
			after = s.Seq
		}
	}
}

// segment stores the rest of a segment, and removes it when it is complete.
func (x *outlet) segment(ctx context.Context, n int64, complete bool) error {
	path := segmentPath(x.dir, n)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // Nothing could be written to it.
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	lost := int64(0)
	for x.at.Offset < info.Size() {
		got, next, bad, err := x.read(f, info.Size(), complete)
		if err != nil {
			return err
		}
		if next == x.at.Offset {
			break
		}
		if err := x.store(ctx, got); err != nil {
			return err
		}
		x.at.Offset = next
		lost += bad
	}
	if !complete {
		return nil
	}
	return x.finish(path, lost)
}

// read reads some frames from where it stands, up to a round's worth. Of a
// complete segment it passes over what is damaged, and counts the bytes.
func (x *outlet) read(f *os.File, size int64, complete bool) (got *rows, next, bad int64, err error) {
	got, next = newRows(), x.at.Offset
	for next < size && got.n < roundRows {
		frame, err := readFrame(f, next, size)
		if err == nil {
			err = got.add(frame)
		}
		whole := int64(len(frame))
		switch {
		case err == nil:
		case !errors.Is(err, errShort) && !errors.Is(err, errDamaged) && !errors.Is(err, errRecord):
			return got, next, bad, err
		case !complete:
			return got, next, bad, nil // It is being written.
		case whole == 0:
			whole = size - next
			bad += whole
		default:
			bad += whole
		}
		next += whole
	}
	return got, next, bad, nil
}

// store stores rows, those of all models at once.
func (x *outlet) store(ctx context.Context, got *rows) error {
	for _, model := range slices.Sorted(maps.Keys(got.shadows)) {
		if err := x.note(ctx, model); err != nil {
			return err
		}
		got.shadows[model] = slices.DeleteFunc(got.shadows[model], func(s hone.ShadowScore) bool { return x.stored[scored{model, s.ID, s.Version}] })
	}
	var wait sync.WaitGroup
	errs := make(chan error, len(got.predictions)+len(got.shadows))
	for model, ps := range got.predictions {
		wait.Go(func() {
			_, err := x.o.Sink.AppendPredictions(ctx, model, ps)
			errs <- x.refused(model, len(ps), err)
		})
	}
	for model, list := range got.shadows {
		wait.Go(func() { errs <- x.refused(model, len(list), x.o.Sink.AppendShadows(ctx, model, list)) })
	}
	wait.Wait()
	close(errs)
	var all error
	for err := range errs {
		all = errors.Join(all, err)
	}
	if all == nil {
		x.stats.Rows += int64(got.n)
	}
	return all
}

// refused passes an error on, but for rows that are no rows of any log: those
// must not hold up all that comes after them.
func (x *outlet) refused(model string, n int, err error) error {
	if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid {
		return err
	}
	x.o.Log.Error("rows of a gateway refused", "gateway", x.name, "model", model, "rows", n, "error", err)
	return nil
}

// note sees to it that the mark has the model's number from before any score
// behind it was stored.
func (x *outlet) note(ctx context.Context, model string) error {
	if _, there := x.at.Shadows[model]; there {
		return nil
	}
	if x.at.Shadows == nil {
		x.at.Shadows = map[string]int64{}
	}
	if x.unmarked {
		x.at.Shadows[model] = 0
		if err := x.look(ctx, model); err != nil {
			return err
		}
		return x.at.save(x.dir)
	}
	_, _, last, err := x.o.Sink.LastSeq(ctx, model)
	if err != nil {
		return err
	}
	x.at.Shadows[model] = last
	return x.at.save(x.dir)
}

// finish takes a complete segment away: it is stored, but for what is damaged,
// which is set aside.
func (x *outlet) finish(path string, lost int64) error {
	if lost > 0 {
		x.stats.Damaged += lost
		x.o.Log.Error("part of what a gateway served is damaged; the file is set aside", "gateway", x.name, "bytes", lost, "file", path+".damaged")
	}
	if lost > 0 {
		if err := os.Rename(path, path+".damaged"); err != nil {
			return err
		}
	}
	x.at = mark{Segment: x.at.Segment + 1}
	if err := x.at.save(x.dir); err != nil || lost > 0 {
		return err
	}
	return os.Remove(path)
}
