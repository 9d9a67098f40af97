package text_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hone/internal/stat/text"
	"hone/internal/stream"
)

func some(s *stream.Texts, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s.Next()
	}
	return out
}

func count(p *text.Profile, texts []string) *text.Counts {
	c := p.Window()
	for _, s := range texts {
		c.Add(s, "")
	}
	return c
}

// TestCalm holds that texts like the reference's hardly ever look new, whatever a
// window's size, and whether or not texts follow each other closely. What is to be
// expected of unseen words is what comes.
func TestCalm(t *testing.T) {
	t.Parallel()
	for _, repeat := range []float64{0, 0.5} {
		windows, unseen, topics, expected, got := 0, 0, 0, 0.0, 0.0
		for seed := range uint64(4) {
			s := stream.NewTexts(100 + seed)
			s.Repeat = repeat
			p := text.NewProfile(some(s, 5000))
			for i := range 40 {
				c := p.Compare(count(p, some(s, []int{200, 1000}[i%2])))
				windows++
				expected, got = expected+c.UnseenRef, got+c.Unseen
				if c.UnseenP < 0.01 {
					unseen++
				}
				if c.TopicP < 0.01 {
					topics++
				}
			}
		}
		// Of 160 windows 1.6 are expected under 0.01; more than 7 come once in a thousand.
		if unseen > 7 || topics > 7 {
			t.Errorf("repeat %v: of %d windows %d have p < 0.01 by their words and %d by their topics", repeat, windows, unseen, topics)
		}
		expected, got = expected/float64(windows), got/float64(windows)
		if got > 1.02*expected || got < 0.9*expected || got < 0.01 {
			t.Errorf("repeat %v: %.4f of the words are unseen, %.4f was expected", repeat, got, expected)
		}
	}
}

func TestSlangIsSeenAndTold(t *testing.T) {
	t.Parallel()
	s := stream.NewTexts(7)
	p := text.NewProfile(some(s, 5000))
	s.Slang = 0.03
	c := p.Compare(count(p, some(s, 1000)))
	if c.UnseenP > 1e-6 || c.Unseen < c.UnseenRef+0.02 || len(c.New) == 0 || !strings.HasPrefix(c.New[0].Word, "slang") || c.New[0].N < 5 {
		t.Errorf("slang: %+v", c)
	}
}

func TestTopicsMove(t *testing.T) {
	t.Parallel()
	s := stream.NewTexts(8)
	p := text.NewProfile(some(s, 5000))
	s.Mix = []float64{3, 1, 1, 1, 1, 1, 1, 1}
	c := p.Compare(count(p, some(s, 1000)))
	if c.TopicP > 1e-6 || c.UnseenP < 1e-3 || c.TopicPSI < 0.05 || !strings.Contains(c.Topics[0].Topic, "t0w") || c.Topics[0].Cur < 1.5*c.Topics[0].Ref {
		t.Errorf("topics: %+v", c)
	}
}

// TestPrivate holds that a word is told only when several users used it, and that
// topics are named by no word that only few texts of the reference have.
func TestPrivate(t *testing.T) {
	t.Parallel()
	s := stream.NewTexts(9)
	ref := some(s, 3000)
	for i := range 9 {
		ref[300*i] += strings.Repeat(" secretname", 20)
	}
	p := text.NewProfile(ref)
	b, err := json.Marshal(p)
	if err != nil || strings.Contains(string(b), "secretname") {
		t.Errorf("the profile has a rare word, or %v", err)
	}
	c := p.Window()
	for i := range 500 {
		c.Add("mine other", fmt.Sprint("u", i%4))
		c.Add("ours also", fmt.Sprint("u", i%5))
	}
	told := []string{}
	for _, w := range p.Compare(c).New {
		told = append(told, w.Word)
	}
	if slices.Contains(told, "mine") || slices.Contains(told, "other") || !slices.Contains(told, "ours") {
		t.Errorf("told: %v", told)
	}
}

// TestMerges holds that hours add to days exactly, in any order.
func TestMerges(t *testing.T) {
	t.Parallel()
	s := stream.NewTexts(10)
	p := text.NewProfile(some(s, 2000))
	s.Slang = 0.02
	texts := some(s, 900)
	whole, parts := count(p, texts), []*text.Counts{count(p, texts[:100]), count(p, texts[100:500]), count(p, texts[500:])}
	for _, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {1, 2, 0}} {
		sum := p.Window()
		for _, i := range order {
			if err := sum.Merge(parts[i]); err != nil {
				t.Fatal(err)
			}
		}
		a, b := p.Compare(whole), p.Compare(sum)
		a.New, b.New = nil, nil
		if !reflect.DeepEqual(a, b) || len(sum.New) > 1000 {
			t.Errorf("order %v: %+v, not %+v", order, b, a)
		}
	}
	other := text.NewProfile(some(stream.NewTexts(11), 2000))
	if err := whole.Merge(other.Window()); err == nil {
		t.Error("counts of another profile were added")
	}
}

// TestStored holds that a profile survives JSON, is the same for the same texts, and
// stays small.
func TestStored(t *testing.T) {
	t.Parallel()
	texts := some(stream.NewTexts(12), 20_000)
	p := text.NewProfile(texts)
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 400_000 {
		t.Errorf("%d bytes", len(b))
	}
	again, _ := json.Marshal(text.NewProfile(texts))
	if string(again) != string(b) {
		t.Error("the same texts gave another profile")
	}
	back := &text.Profile{}
	if err := json.Unmarshal(b, back); err != nil {
		t.Fatal(err)
	}
	now := some(stream.NewTexts(13), 500)
	if a, b := p.Compare(count(p, now)), back.Compare(count(back, now)); !reflect.DeepEqual(a, b) {
		t.Errorf("read back: %+v, not %+v", b, a)
	}
}

// TestOddTexts holds that nothing fails where there is next to nothing to compare.
func TestOddTexts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 50_000)
	r := rand.New(rand.NewPCG(1, 1))
	for name, ref := range map[string][]string{
		"none": nil, "few": {"a", "b"}, "empty": make([]string, 1000), "same": slices.Repeat([]string{"the same words"}, 1000),
		"long": slices.Repeat([]string{long}, 300), "no words": slices.Repeat([]string{"?! …"}, 1000), "broken": slices.Repeat([]string{"\xff\xfe a"}, 400),
		"ids": func() (out []string) {
			for range 1000 {
				out = append(out, fmt.Sprint(r.Uint64()))
			}
			return out
		}(),
	} {
		p := text.NewProfile(ref)
		c := count(p, append([]string{"", "one", long, "\xff"}, ref...))
		if got := p.Compare(c); !(got.UnseenP >= 0 && got.UnseenP <= 1) || !(got.TopicP >= 0 && got.TopicP <= 1) {
			t.Errorf("%s: %+v", name, got)
		}
		if err := c.Merge(p.Window()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := p.Compare(nil); got.UnseenP != 1 {
			t.Errorf("%s, no window: %+v", name, got)
		}
	}
}
