package backtest_test

import (
	"bytes"
	"strings"
	"testing"

	"hone/internal/backtest"
)

// The page stands by itself, and takes names for what they are.
func TestPage(t *testing.T) {
	t.Parallel()
	m := model(t, binary)
	l := rows(m, 1, 1500, turned(700))
	l.Notes = []string{"<script>alert(1)</script>"}
	r, err := backtest.Run(t.Context(), m, l, backtest.Options{}, constants)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := backtest.Page(&b, r); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"<script", "http:", "https:", "src=", "@import", "url(", "NaN", "Inf", "ZgotmplZ", "<no value>"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, p := range r.Policies {
		if strings.Count(page, ">"+p.Words+"<") < 3 {
			t.Errorf("the page does not show %q everywhere", p.Words)
		}
	}
	if !strings.Contains(page, "default-src &#39;none&#39;") && !strings.Contains(page, "default-src 'none'") {
		t.Error("the page would let something in")
	}
}
