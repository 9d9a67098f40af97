package table_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hone"
	"hone/internal/frame"
	"hone/internal/table"
)

func infer(t *testing.T, path string, sample int) (table.Inferred, map[string]table.Column) {
	t.Helper()
	in, err := table.Infer(open(t, path), sample)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]table.Column{}
	for _, c := range in.Columns {
		by[c.Name] = c
	}
	return in, by
}

func TestInfer(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("id,row,uuid,amount,flag,grade,zip,country,note,at,day,epoch,ms_time,price,empty,same,mostly,user\n")
	start := time.Date(2024, 2, 28, 23, 0, 0, 0, time.UTC)
	for i := range 500 {
		at := start.Add(time.Duration(i) * time.Minute)
		amount := fmt.Sprint(float64(i*37%101) / 4)
		if i%10 == 0 {
			amount = "NA"
		}
		mostly := fmt.Sprint(i % 77)
		if i == 250 {
			mostly = "broken"
		}
		fmt.Fprintf(&b, "%d,%d,u-%x,%s,%d,%d,%05d,%s,\"it was the %d. time, and still slow\",%s,%s,%d,%d,%d,,one,%s,user%d\n",
			i*7919%500, i, i*i, amount, i%2, i%5, i%60+900, []string{"DE", "FR", ""}[i%3], i,
			at.Format(time.RFC3339), at.Format(time.DateTime), at.Unix(), at.UnixMilli(), 1_000_000_000+i*7919%500, mostly, i%40)
		if i == 9 {
			b.WriteString("bad\n")
		}
	}
	in, got := infer(t, write(t, "x.csv", b.String()), 0)
	if in.Rows != 500 || in.Bad != 1 || len(in.Columns) != 18 {
		t.Fatalf("%d rows, %d bad, %d columns", in.Rows, in.Bad, len(in.Columns))
	}
	number, category, text := frame.Number, frame.Category, frame.Text
	want := map[string]table.Column{
		"id":      {Kind: number, Distinct: 500, Example: "0", Identifier: true},
		"row":     {Kind: number, Distinct: 500, Example: "0", Identifier: true},
		"uuid":    {Kind: category, Distinct: 500, Example: "u-0", Identifier: true},
		"amount":  {Kind: number, Missing: 50, Distinct: 101, Example: "9.25"},
		"flag":    {Kind: number, Distinct: 2, Example: "0"},
		"grade":   {Kind: category, Distinct: 5, Example: "0"},
		"zip":     {Kind: category, Distinct: 60, Example: "00900"},
		"country": {Kind: category, Missing: 166, Distinct: 2, Example: "DE"},
		"note":    {Kind: text, Distinct: 500, Example: "it was the 0. time, and still slow"},
		"at":      {Kind: category, Time: true, Layout: time.RFC3339, Distinct: 500, Example: "2024-02-28T23:00:00Z"},
		"day":     {Kind: category, Time: true, Layout: time.DateTime, Distinct: 500, Example: "2024-02-28 23:00:00"},
		"epoch":   {Kind: number, Time: true, Layout: table.UnixSeconds, Distinct: 500, Example: "1709161200"},
		"ms_time": {Kind: number, Time: true, Layout: table.UnixMillis, Distinct: 500, Example: "1709161200000"},
		"price":   {Kind: number, Distinct: 500, Example: "1000000000"},
		"empty":   {Kind: category, Missing: 500, Constant: true},
		"same":    {Kind: category, Distinct: 1, Example: "one", Constant: true},
		"mostly":  {Kind: number, Distinct: 78, Example: "0"},
		"user":    {Kind: category, Distinct: 40, Example: "user0"},
	}
	for name, w := range want {
		w.Name = name
		if d := cmp.Diff(w, got[name]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestInferJSONL(t *testing.T) {
	t.Parallel()
	in, got := infer(t, write(t, "x.jsonl", strings.Repeat(`{"ok": true, "x": 1.5, "k": "a"}`+"\n"+`{"ok": false, "x": 2}`+"\n", 60)), 100)
	if in.Rows != 100 || got["ok"].Kind != frame.Number || got["x"].Kind != frame.Number || got["k"].Missing != 50 || got["k"].Constant {
		t.Errorf("%+v", in)
	}
}

// In few rows everything differs; none of that makes an id, or names of numbers.
func TestInferFewRows(t *testing.T) {
	t.Parallel()
	_, got := infer(t, write(t, "x.csv", "age,city\n31,Rome\n44,Oslo\n27,Bonn\n"), 0)
	if c := got["age"]; c.Kind != frame.Number || c.Identifier {
		t.Errorf("age: %+v", c)
	}
	if c := got["city"]; c.Kind != frame.Category || c.Identifier {
		t.Errorf("city: %+v", c)
	}
}

func TestInferNothing(t *testing.T) {
	t.Parallel()
	_, err := table.Infer(open(t, write(t, "x.csv", "a,b\n1\n")), 0)
	if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid || !strings.Contains(e.Message, "first 1 rows") {
		t.Errorf("got %v", err)
	}
}

func TestInferElec2(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "shared", "data", "elec2.csv.gz")
	if _, err := os.Stat(path); err != nil {
		t.Skip("NOT RUN: the electricity stream is not there: ", err)
	}
	in, got := infer(t, path, 0)
	if in.Rows != 10_000 || in.Bad != 0 || len(in.Columns) != 7 {
		t.Fatalf("%d rows, %d bad, %d columns", in.Rows, in.Bad, len(in.Columns))
	}
	for _, c := range in.Columns {
		if c.Kind != frame.Number || c.Identifier || c.Time || c.Missing > 0 || c.Constant && c.Name != "vicprice" && c.Name != "vicdemand" && c.Name != "transfer" {
			t.Errorf("%+v", c)
		}
	}
	if got["label"].Distinct != 2 || got["label"].Example != "1" {
		t.Errorf("label: %+v", got["label"])
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	f := func(v any, want string) {
		t.Helper()
		got, ok := table.ParseTime(v)
		if s := got.Format(time.RFC3339Nano); !ok && want != "" || ok && s != want {
			t.Errorf("%v: got %v %v, want %q", v, s, ok, want)
		}
	}
	f("2024-02-29T12:30:00+02:00", "2024-02-29T10:30:00Z")
	f("2024-02-29T12:30:00.25Z", "2024-02-29T12:30:00.25Z")
	f(" 2024-02-29 12:30:00 ", "2024-02-29T12:30:00Z")
	f("2024-02-29 12:30:00.5+01:00", "2024-02-29T11:30:00.5Z")
	f("2024-02-29T12:30:00", "2024-02-29T12:30:00Z")
	f("2024-02-29", "2024-02-29T00:00:00Z")
	f("2024/02/29", "2024-02-29T00:00:00Z")
	f("1709161200", "2024-02-28T23:00:00Z")
	f(1709161200.0, "2024-02-28T23:00:00Z")
	f(1709161200.25, "2024-02-28T23:00:00.25Z")
	f("1709161200250", "2024-02-28T23:00:00.25Z")
	f(int64(1709161200250000), "2024-02-28T23:00:00.25Z")
	f("1709161200250000001", "2024-02-28T23:00:00.250000001Z")
	f(time.Unix(0, 0), "1970-01-01T00:00:00Z")
	for _, v := range []any{"", "2023-02-29", "yesterday", "12", 12.0, 1e30, "NaN", "1e400", nil, true, "2024-13-01 00:00:00"} {
		f(v, "")
	}
}
