package say_test

import (
	"testing"

	"hone/internal/say"
)

func TestSay(t *testing.T) {
	t.Parallel()
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(say.Whole(999), "999")
	f(say.Whole(1200), "1,200")
	f(say.Whole(-1234567), "-1,234,567")
	f(say.Whole(-123), "-123")
	f(say.Num(0.12345), "0.123")
	f(say.Num(1234.6), "1,235")
	f(say.Count(1, "row", "rows"), "1 row")
	f(say.Count(0, "row", "rows"), "0 rows")
	f(say.Percent(0.125), "12.5 %")
	f(say.Clip("ééé", 3), "ééé")
	f(say.Clip("éééé", 3), "éé…")
	f(say.Period("so it is.."), "so it is.")
	f(say.Period("so it is"), "so it is.")
}

func TestNearest(t *testing.T) {
	t.Parallel()
	f := func(got, want string) {
		t.Helper()
		if w := say.Nearest(got, []string{"num_leaves", "num_iterations", "l2"}); w != want {
			t.Errorf("%s: got %q, want %q", got, w, want)
		}
	}
	f("num_leafs", "num_leaves")
	f("nmu-leaves", "num_leaves")
	f("num", "num_leaves")
	f("l1", "")
	f("depth", "")
}
