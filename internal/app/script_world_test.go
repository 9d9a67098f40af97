package app_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/op"
	"hone/internal/stream"
	"hone/internal/train"
)

// priced is a trainer that says what each training of a model costs whose trainings have
// a price: one unit for ten trees where its search is bounded, else five. What a machine
// measures varies.
type priced struct{ train.Trainer }

func (p priced) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	r, err := p.Trainer.Train(ctx, job, report)
	switch s := job.Model.Train.Search; {
	case err != nil || job.Model.Costs.CoreHour == 0:
	case s != nil && s.MaxCost > 0:
		r.Metrics[train.CostMetric] = job.Params["num_iterations"].(float64) / 10
	default:
		r.Metrics[train.CostMetric] = 5
	}
	return r, err
}

// source makes rows whose rule is that of the variant at the moment.
type source struct {
	variant int
	next    func(f *frame.Frame, row int) string
}

// source returns the generator of a name; it goes on where it was.
func (w *world) source(name string, o options) (*source, error) {
	s := w.sources[name]
	if s == nil {
		s = &source{}
		switch name {
		case "sea":
			s.next = stream.NewSEA(7, func(int) int { return s.variant }, 0.05).Next
		case "agrawal":
			s.next = stream.NewAgrawal(7, func(int) int { return s.variant }, 0.05).Next
		case "covariate":
			calm, moved := stream.NewCovariate(7, math.MaxInt), stream.NewCovariate(8, 0)
			s.next = func(f *frame.Frame, row int) string {
				return []stream.Stream{calm, moved}[s.variant].Next(f, row)
			}
		case "bands":
			s.next = bands(s)
		case "chequered":
			s.next = chequered(s)
		case "curve":
			s.next = curve(s)
		case "noise":
			s.next = noise()
		case "told":
			s.next = leaky()
		case "plane":
			s.next = plane(s)
		case "wide":
			s.next = wide(s)
		case "shift":
			s.next = shifted(s)
		case "words":
			s.next = sentences(s)
		case "talk":
			s.next = talk(s)
		case "twist":
			s.next = twist(s)
		default:
			return nil, fmt.Errorf("there is no source %q", name)
		}
		w.sources[name] = s
	}
	s.variant = o.number("variant", s.variant)
	return s, nil
}

// chequered makes two classes by whether two signs are the same; variants take the signs
// of other features.
func chequered(s *source) func(*frame.Frame, int) string {
	rng := rand.New(rand.NewPCG(7, 9))
	return func(f *frame.Frame, row int) string {
		for c := range f.Cols {
			f.Cols[c].Num[row] = rng.NormFloat64()
		}
		x := func(c int) bool { return f.Cols[c].Num[row] > 0 }
		if (x(s.variant) != x(s.variant+1)) != (rng.Float64() < 0.05) {
			return "1"
		}
		return "0"
	}
}

// curve makes two classes by a sign, but where another number is from 0 to 1, which no line
// can say; variants turn all of it round.
func curve(s *source) func(*frame.Frame, int) string {
	rng := rand.New(rand.NewPCG(7, 10))
	return func(f *frame.Frame, row int) string {
		for c := range f.Cols {
			f.Cols[c].Num[row] = rng.NormFloat64()
		}
		a, b := f.Cols[0].Num[row], f.Cols[1].Num[row]
		if ((a > 0) != (b > 0 && b < 1)) != (s.variant > 0) != (rng.Float64() < 0.05) {
			return "1"
		}
		return "0"
	}
}

// bands makes three classes by the sum of two numbers; variants move the bands.
func bands(s *source) func(*frame.Frame, int) string {
	rng := rand.New(rand.NewPCG(7, 1))
	return func(f *frame.Frame, row int) string {
		a, b := 10*rng.Float64(), 10*rng.Float64()
		f.Cols[0].Num[row], f.Cols[1].Num[row] = a, b
		shift := float64(4 * s.variant)
		switch x := a + b + rng.NormFloat64(); {
		case x < 5+shift:
			return "low"
		case x < 11+shift:
			return "middle"
		}
		return "high"
	}
}

// noise makes two classes, and numbers that say nothing of them.
func noise() func(*frame.Frame, int) string {
	rng := rand.New(rand.NewPCG(7, 6))
	return func(f *frame.Frame, row int) string {
		for _, c := range f.Cols {
			c.Num[row] = rng.NormFloat64()
		}
		return strconv.Itoa(rng.IntN(2))
	}
}

// leaky makes two classes by the first number, with noise; the second is written
// once the class is known.
func leaky() func(*frame.Frame, int) string {
	rng := rand.New(rand.NewPCG(7, 5))
	return func(f *frame.Frame, row int) string {
		x := rng.NormFloat64()
		f.Cols[0].Num[row], f.Cols[1].Num[row] = x, 0.1*rng.NormFloat64()
		if x+rng.NormFloat64() < 0.5 {
			return "0"
		}
		f.Cols[1].Num[row]++
		return "1"
	}
}

// plane makes a number, linear in two others; variant 1 turns a slope.
func plane(s *source) func(*frame.Frame, int) string {
	rng := rand.New(rand.NewPCG(7, 2))
	return func(f *frame.Frame, row int) string {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		f.Cols[0].Num[row], f.Cols[1].Num[row] = a, b
		return frame.FormatNumber(math.Round(1000*(10+3*a+float64(2-4*s.variant)*b+0.3*rng.NormFloat64())) / 1000)
	}
}

// wide makes as many numbers as there are features, of which the first decides;
// variant 1 moves them all.
func wide(s *source) func(*frame.Frame, int) string {
	rng := rand.New(rand.NewPCG(7, 4))
	return func(f *frame.Frame, row int) string {
		for _, c := range f.Cols {
			c.Num[row] = rng.NormFloat64() + float64(s.variant)
		}
		if f.Cols[0].Num[row] > float64(s.variant) {
			return "1"
		}
		return "0"
	}
}

// sentences makes short texts of which one word decides; variant 1 turns what
// it says round.
func sentences(s *source) func(*frame.Frame, int) string {
	rng := rand.New(rand.NewPCG(7, 3))
	topic := []string{"invoice", "meeting", "holiday", "report", "parcel", "ticket"}
	return func(f *frame.Frame, row int) string {
		bad := rng.IntN(2)
		f.Cols[0].Str[row] = topic[rng.IntN(len(topic))] + " is " + []string{"fine", "broken"}[bad] + " today " + strconv.Itoa(rng.IntN(50))
		if rng.Float64() < 0.05 {
			bad = 1 - bad
		}
		return strconv.Itoa(bad ^ s.variant)
	}
}

// talk makes texts about eight topics, of which half are good; variant 1 brings words
// that nobody used before, variant 2 has one topic come more often.
func talk(s *source) func(*frame.Frame, int) string {
	texts := stream.NewTexts(7)
	return func(f *frame.Frame, row int) string {
		texts.Slang, texts.Mix = 0, nil
		switch s.variant {
		case 1:
			texts.Slang = 0.04
		case 2:
			texts.Mix = []float64{3, 1, 1, 1, 1, 1, 1, 1}
		}
		text := texts.Next()
		f.Cols[0].Str[row] = text
		for _, good := range []string{"t0w", "t1w", "t2w", "t3w"} {
			if strings.Contains(text, good) {
				return "1"
			}
		}
		return "0"
	}
}

// twist makes two numbers that go together, and others that do not; variant 1
// has one rise where the other falls.
func twist(s *source) func(*frame.Frame, int) string {
	rng := rand.New(rand.NewPCG(7, 6))
	return func(f *frame.Frame, row int) string {
		rho := 0.7 - 1.4*float64(s.variant)
		for _, c := range f.Cols {
			c.Num[row] = rng.NormFloat64()
		}
		f.Cols[1].Num[row] = rho*f.Cols[0].Num[row] + math.Sqrt(1-rho*rho)*f.Cols[1].Num[row]
		if f.Cols[0].Num[row]+f.Cols[2].Num[row]+0.5*rng.NormFloat64() > 0 {
			return "1"
		}
		return "0"
	}
}

// rows makes n rows, as the options bend them.
func (w *world) rows(name string, n int, o options) (*frame.Frame, []string, []hone.PredictionID, error) {
	s, err := w.source(name, o)
	if err != nil {
		return nil, nil, nil, err
	}
	f := frame.New(w.model.Features, n)
	labels, ids := make([]string, n), make([]hone.PredictionID, n)
	if w.truths == nil {
		w.truths = map[hone.PredictionID]string{}
	}
	for i := range n {
		labels[i] = s.next(f, i)
		w.truths[hone.PredictionID(fmt.Sprintf("p%d", w.next))] = labels[i]
		ids[i] = hone.PredictionID(fmt.Sprintf("p%d", w.next))
		w.next++
		if col := f.Schema.Index(o["missing"]); col >= 0 {
			if err := f.Set(i, col, nil); err != nil {
				return nil, nil, nil, err
			}
		}
		if fixed, ok := o["label"]; ok {
			labels[i] = fixed
		}
	}
	return f, labels, ids, nil
}

// history loads past rows with their labels, a second apart up to now, or to a
// while ago; or spread over the first two hours of so many nights.
func (w *world) history(name string, n int, o options) error {
	f, labels, ids, err := w.rows(name, n, o)
	if err != nil {
		return err
	}
	in := op.HistoryIn{Model: model}
	for i := range n {
		features := map[string]any{}
		for c, field := range f.Schema {
			if v := f.Value(i, c); v != nil {
				features[field.Name] = v
			}
		}
		item := op.HistoryItem{PredictionID: ids[i], Features: features, Label: labels[i],
			Time: w.clock.Now().Add(time.Duration(i-n)*time.Second - o.duration("ago", 0))}
		if nights := o.number("nights", 0); nights > 0 {
			night, part := i*nights/n, i*nights%n
			item.Time = w.clock.Now().Truncate(24*time.Hour).AddDate(0, 0, night-nights).Add(2 * time.Hour * time.Duration(part) / time.Duration(n))
			features[f.Schema[0].Name] = f.Cols[0].Num[i] + swing(item.Time, o)
		}
		if unsaid(o, labels[i]) {
			item.Label = nil
		}
		if o["select"] != "" {
			w.choose(&item, i, o["select"])
		}
		in.Items = append(in.Items, item)
	}
	if _, err := w.call("history", &in); err != nil {
		return err
	}
	return w.step()
}

// choose lets labels come as a lender's do: for cases whose first feature is over 5,
// which are approved, and for one in eight of the others, which are let through
// where the rule is propensity, and says so.
func (w *world) choose(item *op.HistoryItem, i int, rule string) {
	item.Action = "approved"
	p, free := 1.0, item.Features["f0"].(float64) <= 5
	if free {
		p = 0.125
	}
	if rule == "propensity" {
		item.Propensity = &p
	}
	if free && !(rule == "propensity" && i%8 == 0) {
		item.Action, item.Label = "refused", nil
	}
}

// traffic serves n rows, so many a second. Labels come after a while, unless
// there are none.
func (w *world) traffic(name string, n int, o options) error {
	rate, after := o.number("rate", 10), o.duration("labels", time.Second)
	for n > 0 {
		batch := min(n, 20)
		v, err := w.app.Loop().View(model)
		if err != nil {
			return err
		}
		rolling := v.Run != nil && v.Run.Rollout != nil
		if rolling {
			batch = min(n, 5) // Steps are judged soon after they could be.
		}
		n -= batch
		f, labels, ids, err := w.rows(name, batch, o)
		if err != nil {
			return err
		}
		if o["swing"] != "" {
			for i := range f.N {
				f.Cols[0].Num[i] += swing(w.clock.Now(), o)
			}
		}
		gave, err := w.serve(f, ids, rolling)
		if err != nil {
			return err
		}
		if o["down"] != "" {
			w.thumb(ids, gave, o["down"])
		}
		for i, id := range ids {
			if !unsaid(o, labels[i]) {
				w.waiting = append(w.waiting, poisoned(due{at: w.clock.Now().Add(after), id: id, label: labels[i]}, o.number("partner", 0)))
			}
		}
		if err := w.pass(time.Duration(batch) * time.Second / time.Duration(rate)); err != nil {
			return err
		}
	}
	return nil
}

// swing is what a rhythm adds to the first feature: every other hour something.
func swing(at time.Time, o options) float64 {
	return float64(o.number("swing", 0) * (1 - at.Hour()%2))
}

// poisoned lets a partner say every so manieth label of two classes, turned round.
func poisoned(l due, every int) due {
	n, err := strconv.Atoi(strings.TrimPrefix(string(l.id), "p"))
	if every > 0 && err == nil && n%every == 0 {
		l.source, l.label = "partner", map[string]string{"0": "1", "1": "0"}[l.label]
	}
	return l
}

// unsaid tells whether nobody ever says a label: all of them, or all but one class.
func unsaid(o options, label string) bool {
	only, some := o["only"]
	return o["unlabelled"] != "" || some && label != only
}

// serve asks the gateway, and waits for the shadow's scores if there is one.
// While latencies are compared rows go one by one: those of a request are one
// measurement.
func (w *world) serve(f *frame.Frame, ids []hone.PredictionID, alone bool) (gave []hone.VersionID, err error) {
	size := len(ids)
	if alone {
		size = 1
	}
	for i := 0; i < len(ids); i += size {
		versions, err := w.ask(f.Slice(i, i+size), ids[i:i+size])
		if err != nil {
			return gave, err
		}
		gave = append(gave, versions...)
		// Requests are told apart by when they came, or by how long they took, which
		// differs from one machine to the next.
		w.clock.Advance(1)
	}
	if v, err := w.app.Loop().View(model); err != nil || w.client != nil || v.Run == nil || v.Run.State != hone.Shadowing {
		return gave, err
	}
	w.shadowed += int64(len(ids))
	for {
		changed := w.app.Service().Events.(interface {
			Changed(model string) <-chan struct{}
		}).Changed(model)
		_, _, n, err := w.app.Service().Events.LastSeq(w.ctx, model)
		if err != nil || n >= w.shadowed {
			return gave, err
		}
		select {
		case <-changed:
		case <-w.ctx.Done():
			return gave, fmt.Errorf("%d of %d shadow scores came", n, w.shadowed)
		}
	}
}

// ask has rows answered, by Hone or by who serves the model elsewhere.
func (w *world) ask(f *frame.Frame, ids []hone.PredictionID) (gave []hone.VersionID, err error) {
	if w.client != nil {
		return w.client.answer(f, ids)
	}
	answers, err := w.app.Gateway().Predict(w.ctx, model, gateway.Request{IDs: ids, Frame: f})
	for _, a := range answers {
		gave = append(gave, a.Version)
	}
	return gave, err
}

// thumb lets users say what they think of answers, one in so many of a version's is
// down: v1:10,v2:2.
func (w *world) thumb(ids []hone.PredictionID, gave []hone.VersionID, rule string) {
	every := map[string]int{}
	for _, part := range strings.Split(rule, ",") {
		version, n, _ := strings.Cut(part, ":")
		every[version] = must(n)
	}
	for i, id := range ids {
		v := string(gave[i])
		w.thumbs[v]++
		say := "up"
		if n := every[v]; n > 0 && w.thumbs[v]%n == 0 {
			say = "down"
		}
		w.waiting = append(w.waiting, due{at: w.clock.Now().Add(time.Second), id: id, thumb: say})
	}
}

// pass lets time go by, delivers the labels that are due and steps the loop.
func (w *world) pass(d time.Duration) error {
	w.clock.Advance(d)
	in := op.FeedbackIn{Model: model}
	left := w.waiting[:0]
	for _, l := range w.waiting {
		if l.at.After(w.clock.Now()) {
			left = append(left, l)
			continue
		}
		in.Items = append(in.Items, op.FeedbackItem{PredictionID: l.id, Label: l.said(), Thumb: l.thumb, Source: l.source})
	}
	w.waiting = left
	if len(in.Items) > 0 {
		if _, err := w.call("feedback", &in); err != nil {
			return err
		}
	}
	return w.step()
}

// advance moves the hands in steps.
func (w *world) advance(d, step time.Duration) error {
	for d > 0 {
		by := min(d, step)
		if err := w.pass(by); err != nil {
			return err
		}
		d -= by
	}
	return nil
}
