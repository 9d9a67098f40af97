package loop

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/predictor"
)

const (
	// knownRows is how many labelled rows an estimate rests on at most, askedRows how
	// many of them a version is asked about that did not answer them, and heardRows how
	// many pieces of feedback are read for them.
	knownRows = 20_000
	askedRows = 5000
	heardRows = 22_000
)

// Performance says what is known of a model's quality, read from its log.
func (l *Loop) Performance(ctx context.Context, model string) (monitor.Performance, error) {
	k, err := l.keeper(model)
	if err != nil {
		return monitor.Performance{}, err
	}
	v := k.view.Load()
	// A keeper of its own: the model's goes on meanwhile.
	own := &keeper{o: l.o, model: v.Model, champion: v.Champion, spoke: v.Heard, log: k.log}
	if own.schemas, err = l.o.Hints.Schemas(ctx, model); err != nil {
		return monitor.Performance{}, err
	}
	if err := own.recallAsked(ctx); err != nil {
		return monitor.Performance{}, err
	}
	return own.assess(ctx, v.Signals, l.o.Clock.Now())
}

// assess says what the log tells of the champion's quality.
func (k *keeper) assess(ctx context.Context, signals []hone.Signal, now time.Time) (monitor.Performance, error) {
	e, err := k.known(ctx, now)
	e.Signals = signals
	return monitor.Assess(e), err
}

// estimateStands is how long an estimate stands that nobody asked for.
const estimateStands = time.Minute

// expect estimates what a window of predictions is worth whose labels lack. That it
// cannot be done now holds nothing up.
func (k *keeper) expect(ctx context.Context, now time.Time) {
	switch {
	case !k.monitor.LabelsLack():
		k.estimated = nil
		return
	case len(k.estimated) > 0 && now.Sub(k.estimated[0].At).Abs() < estimateStands:
		return
	}
	e, err := k.known(ctx, now)
	if err != nil {
		k.log.WarnContext(ctx, "performance not estimated", "error", err)
		return
	}
	k.estimated = monitor.Expect(e).Signals(k.model, now)
}

// known reads the newest predictions and labels of the champion.
func (k *keeper) known(ctx context.Context, now time.Time) (monitor.Evidence, error) {
	e := monitor.Evidence{Model: k.model, Version: k.champion, Now: now}
	if k.champion.ID == "" {
		return e, nil
	}
	twin := k.standIn(ctx)
	heard, since, err := k.hearNewest(ctx)
	if err != nil {
		return e, err
	}
	rows := slices.Collect(maps.Values(heard))
	if k.model.Label.Infers() {
		if rows, err = k.presumedOf(ctx, heard, since); err != nil {
			return e, err
		}
	}
	rows = slices.DeleteFunc(rows, func(o hone.Outcome) bool {
		return o.Effect == hone.Contradicted || !k.usable(o) || !o.Time.After(twin.TrainedUntil)
	})
	slices.SortFunc(rows, func(a, b hone.Outcome) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Seq, b.Seq)) })
	if e.Known, err = k.scored(ctx, k.affordable(rows), twin); err != nil {
		return e, err
	}
	ps, err := k.newest(ctx)
	if err != nil {
		return e, err
	}
	var window []hone.Outcome
	for _, p := range ps {
		if p.Route == hone.Imported || !p.Time.After(k.champion.TrainedUntil) {
			continue
		}
		window = append(window, hone.Outcome{Prediction: p})
		if heard[p.Seq].Label != "" {
			e.Labelled++
		}
	}
	e.Window, err = k.scored(ctx, window, k.champion)
	return e, err
}

// usable tells whether a label says something that the champion can be held to.
func (k *keeper) usable(o hone.Outcome) bool {
	sig := k.champion.Signature
	return sig.Tells(sig.Target(o.Label))
}

// standIn is the version whose scores stand in for the champion's on rows that
// only the champion was trained on: its twin, where that answers without a server
// of its own. Else it is the champion itself.
func (k *keeper) standIn(ctx context.Context) hone.Version {
	if k.champion.Learned > 0 {
		return k.champion
	}
	runs, err := k.o.Records.Runs(ctx, k.model.Name, remembered(k.model))
	if err != nil {
		return k.champion
	}
	i := slices.IndexFunc(runs, func(r hone.Run) bool { return r.ID == k.champion.Run })
	if i < 0 || runs[i].Twin == "" || runs[i].Twin == k.champion.ID {
		return k.champion
	}
	twin, err := k.o.Control.Version(ctx, k.model.Name, runs[i].Twin)
	if err != nil || predictor.ModelFile(twin.Format) == "" || !slices.Equal(twin.Signature.Classes, k.champion.Signature.Classes) {
		return k.champion
	}
	return twin
}

// newest reads the predictions of the newest window.
func (k *keeper) newest(ctx context.Context) ([]hone.Prediction, error) {
	last, _, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return nil, err
	}
	n := max(k.model.Monitor.Window, monitor.MinWindow)
	return k.o.Events.Predictions(ctx, k.model.Name, max(0, last-int64(n)), n)
}

// hearNewest reads what the newest feedback says, by the number of the prediction,
// and when the first of that came; zero where there is none before it.
func (k *keeper) hearNewest(ctx context.Context) (heard map[int64]hone.Outcome, since time.Time, err error) {
	_, last, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return nil, since, err
	}
	heard = map[int64]hone.Outcome{}
	for at := max(0, last-heardRows); at < last; {
		os, next, err := k.labels(ctx, at, page)
		if err != nil {
			return nil, since, err
		}
		if since.IsZero() && last > heardRows && len(os) > 0 {
			since = os[0].LabelReceived
		}
		for _, o := range os {
			if before, ok := heard[o.Seq]; ok { // A correction: the label came when the first did.
				o.LabelTime, o.LabelReceived = before.LabelTime, before.LabelReceived
			}
			heard[o.Seq] = o
		}
		if next <= at {
			break
		}
		at = next
	}
	return heard, since, nil
}

// presumedOf are the newest predictions that count with or without a label, as far as all
// that was said of them is heard.
func (k *keeper) presumedOf(ctx context.Context, heard map[int64]hone.Outcome, since time.Time) ([]hone.Outcome, error) {
	until, err := k.firstSince(ctx, k.spoke.Add(-time.Duration(k.model.Label.After)))
	if err != nil {
		return nil, err
	}
	ps, err := k.o.Events.Predictions(ctx, k.model.Name, max(0, until-knownRows), knownRows)
	if err != nil {
		return nil, err
	}
	var out []hone.Outcome
	for _, p := range ps {
		if k.model.Label.Presumed(p).After(k.spoke) || p.Received.Before(since) {
			continue
		}
		o, said := heard[p.Seq]
		if !said {
			o = hone.Outcome{Prediction: p, Label: k.model.Label.AbsentMeans, Effect: hone.Joined, Inferred: true}
		}
		out = append(out, o)
	}
	return out, nil
}

// affordable are the newest of the rows: so many, of which so many must be asked
// about.
func (k *keeper) affordable(rows []hone.Outcome) []hone.Outcome {
	asked := 0
	for i := len(rows) - 1; i >= 0; i-- {
		if !k.gaveScores(rows[i]) {
			asked++
		}
		if asked > askedRows || len(rows)-i > knownRows {
			return rows[i+1:]
		}
	}
	return rows
}

// gaveScores tells whether the champion gave a row its scores when it served, and was
// not trained on it.
func (k *keeper) gaveScores(o hone.Outcome) bool {
	return o.Time.After(k.champion.TrainedUntil) && o.Version == k.champion.ID && len(o.Scores) == k.champion.Signature.Width()
}

// scored are rows with the champion's scores: those that it gave when it served,
// and those that it gives when asked now; on rows that it was trained on, those of
// another version.
func (k *keeper) scored(ctx context.Context, rows []hone.Outcome, other hone.Version) (monitor.Scored, error) {
	if len(rows) == 0 {
		return monitor.Scored{}, nil
	}
	out := monitor.Scored{Scores: make([][]float64, len(rows)), Outcomes: rows}
	features := make([][]byte, len(rows))
	ask := map[hone.VersionID][]int{}
	for i, o := range rows {
		features[i] = o.Features
		switch {
		case !o.Time.After(k.champion.TrainedUntil):
			ask[other.ID] = append(ask[other.ID], i)
		case k.gaveScores(o):
			out.Scores[i] = o.Scores
		default:
			ask[k.champion.ID] = append(ask[k.champion.ID], i)
		}
	}
	var err error
	if out.Rows, err = (frame.Decoder{Target: k.champion.Signature.Features, Schemas: k.schemas}).Frame(features); err != nil {
		return out, fmt.Errorf("read rows of %s: %w", k.model.Name, err)
	}
	for id, at := range ask {
		scores, err := k.ask(id)(ctx, out.Rows.Pick(at))
		if err != nil {
			return out, &hone.Error{Code: hone.Unavailable, Message: fmt.Sprintf("%s of %s does not answer: %v", id, k.model.Name, err), Hint: "look at the artefact's server log, then repeat"}
		}
		for j, i := range at {
			out.Scores[i] = scores.Row(j)
		}
	}
	return out, nil
}
