package main

import (
	"strings"
	"sync"

	"hone/bench/bar"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/stat"
	"hone/internal/stat/text"
	"hone/internal/stream"
)

var textsBars = []bar.Measured{
	{Bar: bar.Bar{ID: "text_false_alarms", Of: []string{"internal/stat", "internal/monitor", "internal/stream"},
		About: "Texts of an open vocabulary about eight topics that never drift, in which one text in six names somebody new: 20 references of 10,000 texts, and windows of 200 and 1,000 on each, 1,000 of each size; also where every second text is about what the one before was about. The figure is the share of windows that alarm by their new words or their topics.",
		Limits: []bar.Limit{
			{Series: "calm_200", Unit: "%", Of: bar.Median, Under: 1},
			{Series: "calm_1000", Unit: "%", Of: bar.Median, Under: 1},
			{Series: "alike_200", Unit: "%", Of: bar.Median, Under: 1},
			{Series: "alike_1000", Unit: "%", Of: bar.Median, Under: 1},
		}, Also: []string{"unseen", "unseen_expected"}}, Measure: textsCalm},
	{Bar: bar.Bar{ID: "text_power", Of: []string{"internal/stat", "internal/monitor", "internal/stream"},
		About: "The same texts in windows of 1,000, 20 on each of 10 references: three words in a hundred are of a new slang; or one topic of eight comes twice as often. The figure is the share of windows that alarm; beside it, the share with the slang or the topic among what is told.",
		Limits: []bar.Limit{
			{Series: "slang", Unit: "% of windows", Of: bar.Median, Over: 95},
			{Series: "topic", Unit: "% of windows", Of: bar.Median, Over: 95},
		}, Also: []string{"slang_told", "topic_told"}}, Measure: textsPower},
}

// textsSeed reports; the tests were chosen on seeds under 1,000.
const textsSeed = 7000

// textWorld is a stream of texts with the reference of its beginning.
type textWorld struct {
	s   *stream.Texts
	ref *monitor.Reference
}

var textSchema = frame.Schema{{Name: "note", Kind: frame.Text}}

func newTextWorld(seed uint64, repeat float64) *textWorld {
	w := &textWorld{s: stream.NewTexts(textsSeed + seed)}
	w.s.Repeat = repeat
	texts := make([]string, referenceRows)
	for i := range texts {
		texts[i] = w.s.Next()
	}
	// The length of a text is not what is measured here.
	length := stat.NewNames(nil)
	w.ref = &monitor.Reference{Rows: referenceRows, Features: []*stat.Profile{length}, Score: length, Texts: []*text.Profile{text.NewProfile(texts)}}
	return w
}

func (w *textWorld) window(rows int) monitor.Drift {
	c := w.ref.Texts[0].Window()
	for range rows {
		c.Add(w.s.Next(), "")
	}
	length := w.ref.Features[0].Window()
	return monitor.Judge(w.ref, textSchema, []*stat.Counts{length}, length, rows, c)
}

func textsCalm(b *bar.Bench) error {
	const refs, windows = 20, 50
	sizes := []int{200, 1000}
	var mu sync.Mutex
	unseen, expected, n := 0.0, 0.0, 0.0
	for name, repeat := range map[string]float64{"calm": 0, "alike": 0.5} {
		alarms := make([]int, len(sizes))
		bar.Parallel(refs, func(i int) {
			w := newTextWorld(uint64(i), repeat)
			for k, rows := range sizes {
				for range windows {
					d := w.window(rows)
					mu.Lock()
					if d.Alarm {
						alarms[k]++
					}
					unseen, expected, n = unseen+d.Features[0].Text.Unseen, expected+d.Features[0].Text.UnseenRef, n+1
					mu.Unlock()
				}
			}
		})
		b.Keep(name+"_200", "%", 100*float64(alarms[0])/(refs*windows))
		b.Keep(name+"_1000", "%", 100*float64(alarms[1])/(refs*windows))
	}
	b.Keep("unseen", "% of words", 100*unseen/n)
	b.Keep("unseen_expected", "% of words", 100*expected/n)
	return nil
}

func textsPower(b *bar.Bench) error {
	const refs, windows = 10, 20
	var mu sync.Mutex
	var seen, told [2]int
	bar.Parallel(refs, func(i int) {
		w := newTextWorld(100+uint64(i), 0)
		for kind := range seen {
			w.s.Slang, w.s.Mix = 0, nil
			if kind == 0 {
				w.s.Slang = 0.03
			} else {
				w.s.Mix = []float64{2, 1, 1, 1, 1, 1, 1, 1}
			}
			for range windows {
				d := w.window(1000)
				mu.Lock()
				if d.Alarm && d.Features[0].Drifted {
					seen[kind]++
				}
				if tells(d.Features[0].Text, kind) {
					told[kind]++
				}
				mu.Unlock()
			}
		}
	})
	for kind, name := range []string{"slang", "topic"} {
		b.Keep(name, "% of windows", 100*float64(seen[kind])/(refs*windows))
		b.Keep(name+"_told", "% of windows", 100*float64(told[kind])/(refs*windows))
	}
	return nil
}

// tells whether the slang, or a word of the topic that comes more often, is among
// what is told of a window.
func tells(t *text.Comparison, kind int) bool {
	if kind == 0 {
		return len(t.New) > 0 && strings.HasPrefix(t.New[0].Word, "slang")
	}
	return len(t.Topics) > 0 && t.Topics[0].Cur > t.Topics[0].Ref && strings.Contains(t.Topics[0].Topic, "t0w")
}
