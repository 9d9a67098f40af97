package cli

import (
	"bytes"
	"testing"

	"hone"
)

func TestPrintRollout(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	printRollout(&b, hone.Rollout{
		Outlook: &hone.Outlook{Sentence: "By its 200 answers 12.6 points more faults are seen four times in five."},
		Verdicts: []hone.Verdict{
			{Gate: "faults", Result: hone.Pass, Value: 2, Limit: 5, N: 180, Unit: "faults", Sentence: "it failed on 2 of 180 requests."},
			{Gate: "slow_rate", Result: hone.Fail, Value: 0.2, Limit: 0.02, Lower: 0.0301, Upper: 0.4, N: 180, Unit: "share", Sentence: "it is slow."},
			{Gate: "quality", Result: hone.Pass, Value: 1.5, Limit: 50, N: 90, Unit: "e-value", Sentence: "it loses 0.1 a row."},
		},
	})
	want := `  outlook: By its 200 answers 12.6 points more faults are seen four times in five.
  guard      result  harm       surely within             put up with  of
  faults     pass    2 faults                             5 faults     180
  slow_rate  fail    20 points  3.01 points to 40 points  2 points     180
  quality    pass    e 1.5                                e 50         90
  faults: it failed on 2 of 180 requests.
  slow_rate: it is slow.
  quality: it loses 0.1 a row.
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.Reset()
	if printRollout(&b, hone.Rollout{}); b.Len() > 0 {
		t.Errorf("nothing to say, and it says %q", b.String())
	}
}
