package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hone/bench/retraining"
)

// write writes docs/benchmark.md of what is there.
func (b *bench) write() error {
	p := &page{bench: b}
	p.line("%s", intro)
	for _, section := range []func() error{p.worldSection, p.labelSection, p.treeSection, p.streamSection, p.loopSection, p.learningSection, p.riverSection, p.receiptSection, p.tuningSection, p.madeSection} {
		if err := section(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	name := filepath.Join(b.root, "docs", "benchmark.md")
	if err := os.WriteFile(name, []byte(p.String()), 0o644); err != nil {
		return err
	}
	fmt.Println("wrote", name)
	return nil
}

// page is the page so far, with the parts that it is of.
type page struct {
	*bench
	strings.Builder
	parts []string
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// part reads a part, and remembers it.
func readPart[T any](p *page, name string) (T, error) {
	out, k, err := read[T](p.bench, name)
	if err == nil {
		p.parts = append(p.parts, fmt.Sprintf("| `%s` | `%.10s` | %s | %s |", name, k.Commit, k.At.Format("2006-01-02"), k.Machine))
	}
	return out, err
}

// row writes a row of a table.
func (p *page) row(cells ...string) { p.line("| %s |", strings.Join(cells, " | ")) }

// head writes the head of a table whose first column is text.
func (p *page) head(cells ...string) {
	p.row(cells...)
	p.line("|---|%s", strings.Repeat("---:|", len(cells)-1))
}

// priceHeads are the prices as heads of columns.
func priceHeads(first string) []string {
	out := []string{first}
	for _, price := range retraining.Prices {
		out = append(out, fmt.Sprintf("%g", price))
	}
	return out
}

// where are the outcomes that a test holds of.
func where[T any](all []T, is func(T) bool) (out []T) {
	for _, o := range all {
		if is(o) {
			out = append(out, o)
		}
	}
	return out
}

// worst is the largest mean of a stream, over its seeds.
func worst(all []retraining.Outcome, of func(retraining.Outcome) float64) float64 {
	by := map[string][]retraining.Outcome{}
	for _, o := range all {
		by[o.Stream] = append(by[o.Stream], o)
	}
	most := 0.0
	for _, these := range by {
		most = max(most, retraining.Mean(these, of))
	}
	return most
}

// byPolicy is a table of what policies cost: mean and, over streams, the worst.
func (p *page) byPolicy(all []retraining.Outcome) {
	p.head(priceHeads("policy")...)
	for _, policy := range retraining.Policies {
		cells := []string{policy.Words}
		if policy.Name == "hone" {
			cells[0] = "**" + policy.Words + "**"
		}
		for _, price := range retraining.Prices {
			of := retraining.Ratio(policy.Name, price)
			cells = append(cells, fmt.Sprintf("%.3f / %.2f", retraining.Mean(all, of), worst(all, of)))
		}
		p.row(cells...)
	}
	p.line("")
}

// byStream is a table of each stream: Hone beside the best period, with retrains.
func (p *page) byStream(all []retraining.Outcome) {
	var heads []string
	for _, price := range retraining.Prices {
		heads = append(heads, fmt.Sprintf("%g: Hone", price), "best period", "optimum with reuse")
	}
	p.head(append([]string{"stream"}, heads...)...)
	var names []string
	for _, o := range all {
		if !slices.Contains(names, o.Stream) {
			names = append(names, o.Stream)
		}
	}
	for _, name := range names {
		these := where(all, func(o retraining.Outcome) bool { return o.Stream == name })
		cells := []string{name}
		for _, price := range retraining.Prices {
			count := func(of func(retraining.At) int) float64 {
				return retraining.Mean(these, func(o retraining.Outcome) float64 { return float64(of(o.At(price))) })
			}
			cells = append(cells,
				fmt.Sprintf("%.3f (%.1f + %.1f)", retraining.Mean(these, retraining.Ratio("hone", price)), count(func(a retraining.At) int { return a.Policies["hone"].Retrains }), count(func(a retraining.At) int { return a.Policies["hone"].Reuses })),
				fmt.Sprintf("%.3f (%.1f)", retraining.Mean(these, retraining.Ratio("best_period", price)), count(func(a retraining.At) int { return a.Policies["best_period"].Retrains })),
				fmt.Sprintf("%.3f–%.3f", retraining.Mean(these, func(o retraining.Outcome) float64 { return o.At(price).Bound }), retraining.Mean(these, func(o retraining.Outcome) float64 { return o.At(price).Reuse })))
		}
		p.row(cells...)
	}
	p.line("")
}

// column is one kind of figure, with what it is called.
type column[T any] struct {
	words string
	of    func(T) float64
}

// byPrice are tables of the means of some figures by price: of worlds, and of recorded
// streams where there are any.
func byPrice[T interface{ IsWorld() bool }](p *page, all []T, seeds string, price func(T) float64, rows []column[T]) {
	for _, kind := range []struct {
		words string
		world bool
	}{{"Worlds, " + seeds + " seeds:", true}, {"Streams, champions of trees:", false}} {
		these := where(all, func(x T) bool { return x.IsWorld() == kind.world })
		if len(these) == 0 {
			continue
		}
		p.line("%s\n", kind.words)
		p.head(priceHeads("")...)
		for _, row := range rows {
			cells := []string{row.words}
			for _, at := range retraining.Prices {
				cells = append(cells, fmt.Sprintf("%.3f", retraining.Mean(where(these, func(x T) bool { return price(x) == at }), row.of)))
			}
			p.row(cells...)
		}
		p.line("")
	}
}

// byHow is a table of some policies by how labels come.
func (p *page) byHow(all []retraining.Outcome, names ...string) {
	p.head(append([]string{"labels", "policy"}, priceHeads("")[1:]...)...)
	for _, h := range hows {
		these := where(all, func(o retraining.Outcome) bool { return o.Delay == h.delay && max(1, o.Every) == h.every })
		if len(these) == 0 {
			continue
		}
		for _, policy := range retraining.Policies {
			if !slices.Contains(names, policy.Name) {
				continue
			}
			cells := []string{h.String(), policy.Words}
			for _, price := range retraining.Prices {
				cells = append(cells, fmt.Sprintf("%.3f / %.2f", retraining.Mean(these, retraining.Ratio(policy.Name, price)), worst(these, retraining.Ratio(policy.Name, price))))
			}
			p.row(cells...)
		}
	}
	p.line("")
}

// String says how labels come.
func (h how) String() string {
	out := "all"
	if h.every > 1 {
		out = fmt.Sprintf("one in %d", h.every)
	}
	if h.delay == 0 {
		return out + ", at once"
	}
	return fmt.Sprintf("%s, %d rows late", out, h.delay)
}
