package cli_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hone/internal/cli"
	"hone/internal/frame"
	"hone/internal/op"
	"hone/internal/table"
)

// aside is a row that was not taken.
type aside struct {
	Line   int
	Reason string
	Row    any
}

func readAside(t *testing.T, path string) (out []aside) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var a aside
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, a)
	}
	return out
}

func TestImportBadRows(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("hone.yaml", configured)
	path := d.write("data.csv", `ts,amount,country,is_fraud
2026-01-01,10,DE,0
2026-01-01,much,DE,0
not a day,10,DE,0
2026-01-01,11,"DE
IT",1
2026-01-01,,,1
2026-01-01,12,FR
2999-01-01,13,FR,0
2026-01-01,,IT,
,14,IT,1
2026-01-01,15,IT,yes
`)
	var got cli.ImportReport
	d.json(&got, "import", path)
	if got.Rows != 10 || got.Stored != 4 || got.Labels != 3 || got.Bad != 6 || got.BadFile != path+".bad.jsonl" {
		t.Errorf("got %+v", got)
	}
	want := []string{
		`3 "much" in "amount" is no number`, `4 "not a day" in "ts" is no time`, `7 every feature is missing`, `8 3 cells`,
		`9 item 0: time 2999-01-01T00:00:00Z lies in the future`, `11 there is no time in "ts"`,
	}
	bad := readAside(t, got.BadFile)
	slices.SortFunc(bad, func(a, b aside) int { return a.Line - b.Line })
	for i, a := range bad {
		if said := fmt.Sprintf("%d %s", a.Line, a.Reason); i >= len(want) || !strings.HasPrefix(said, want[i]) || a.Row == nil {
			t.Errorf("set aside: %s, row %v", said, a.Row)
		}
	}
	again := d.ok("import", path)
	if want := "10 rows of " + path + ": 0 stored, 0 with a label, 4 were there already. 6 bad rows are kept aside in " + path + ".bad.jsonl.\n"; again != want {
		t.Errorf("again: %s", again)
	}
	if out, errOut, status := d.run("", "import", d.write("bad.csv", "amount,is_fraud\nx,1\ny,0\n")); status != 1 || !strings.Contains(out, "2 bad rows") {
		t.Errorf("nothing but bad rows: %d %s%s", status, out, errOut)
	}
}

// TestImportFormats imports the same rows from files of each kind. What a row
// says names it, so that a file that grew brings only its new rows.
func TestImportFormats(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("hone.yaml", configured)
	report := func(want cli.ImportReport, args ...string) {
		t.Helper()
		var got cli.ImportReport
		d.json(&got, append([]string{"import"}, args...)...)
		if got.Rows != want.Rows || got.Stored != want.Stored || got.Repeated != want.Repeated || got.Labels != want.Labels || got.Bad != want.Bad {
			t.Errorf("%v: got %+v, want %+v", args, got, want)
		}
	}
	plain := fraud(120)
	all := cli.ImportReport{Rows: 120, Stored: 120, Labels: 120}
	report(all, d.write("a.csv", plain))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(plain))
	z.Close()
	report(cli.ImportReport{Rows: 120, Repeated: 120}, d.write("a.csv.gz", packed.String()))
	report(cli.ImportReport{Rows: 121, Stored: 1, Repeated: 120, Labels: 1}, d.write("grown.csv", plain+"2026-02-01T00:00:00Z,12,DE,0\n"))
	twice := "2026-02-02T00:00:00Z,12,DE,0\n"
	report(cli.ImportReport{Rows: 2, Stored: 2, Labels: 2}, d.write("twice.csv", "ts,amount,country,is_fraud\n"+twice+twice))

	lines := "{\"id\":1e6,\"amount\":3,\"country\":\"DE\",\"is_fraud\":true,\"user\":17}\n{\"id\":2,\"amount\":null,\"country\":\"IT\",\"is_fraud\":null}\n{\"id\":\"a b\",\"amount\":1}\n{\"amount\":1}\n{\"amount\":\n"
	report(cli.ImportReport{Rows: 5, Stored: 2, Labels: 1, Bad: 3}, d.write("b.jsonl", lines), "--id", "id", "--unit", "user")
	var tr op.Trace
	d.json(&tr, "trace", "1000000")
	if tr.Prediction.Unit != "17" || tr.Label != "1" || tr.Features["amount"] != 3.0 {
		t.Errorf("by its id: %+v", tr)
	}
	tr = op.Trace{}
	d.json(&tr, "trace", "2")
	if tr.Prediction.Unit != "" {
		t.Errorf("a row without a unit has %q", tr.Prediction.Unit)
	}

	f := frame.New(frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "country", Kind: frame.Category}}, 3)
	copy(f.Cols[0].Num, []float64{1.5, math.NaN(), 2.5})
	copy(f.Cols[1].Str, []string{"DE", "", "FR"})
	file, err := os.Create(filepath.Join(d.dir, "c.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if err := table.WriteParquet(file, f, []table.Extra{{Name: "is_fraud", Strings: []string{"1", "0", ""}}, {Name: "seen", Times: []int64{1700000000000000, 1700000001000000, 1700000002000000}}}); err != nil {
		t.Fatal(err)
	}
	file.Close()
	report(cli.ImportReport{Rows: 3, Stored: 2, Labels: 1, Bad: 1}, file.Name(), "--time", "seen")
	report(cli.ImportReport{Rows: 3, Repeated: 2, Bad: 1}, file.Name(), "--time", "seen")
}

func TestImportColumns(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("hone.yaml", configured)
	unlabelled := d.write("unlabelled.csv", "amount,colour\n1,red\n2,blue\n")
	out := d.ok("import", unlabelled)
	for _, say := range []string{"2 rows of", "2 stored, 0 with a label", `no column "is_fraud", so its rows have no label`, "no column for country: they count as missing"} {
		if !strings.Contains(out, say) {
			t.Errorf("does not say %q: %s", say, out)
		}
	}
	for _, flag := range []string{"--time", "--id", "--unit", "--action", "--propensity"} {
		_, errOut, status := d.run("", "import", unlabelled, flag, "when")
		if status != 1 || !strings.Contains(errOut, `has no column "when" for `+flag) {
			t.Errorf("%s: %d %s", flag, status, errOut)
		}
	}
	chosen := d.write("chosen.csv", "amount,country,is_fraud,id,did,p\n1,DE,0,c1,approved,0.25\n2,DE,,c2,refused,\n3,DE,1,c3,approved,2\n4,DE,1,c4,approved,often\n")
	var got cli.ImportReport
	d.json(&got, "import", chosen, "--id", "id", "--action", "did", "--propensity", "p")
	if got.Stored != 2 || got.Labels != 1 || got.Bad != 2 {
		t.Errorf("got %+v", got)
	}
	var seen op.Trace
	if d.json(&seen, "trace", "c1"); seen.Prediction.Action != "approved" || seen.Prediction.Propensity != 0.25 {
		t.Errorf("got %+v", seen.Prediction)
	}
	one := d.ok("import", d.write("one.csv", "amount,country,is_fraud\n1,DE,0\n"))
	if !strings.HasPrefix(one, "1 row of ") {
		t.Errorf("one row: %s", one)
	}
}

// first reads the head and the first rows of a gzipped table.
func first(t *testing.T, path string, rows int) (head []string, text string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(z)
	var b strings.Builder
	for n := 0; n <= rows && scan.Scan(); n++ {
		if n == 0 {
			head = strings.Split(scan.Text(), ",")
		}
		b.WriteString(scan.Text() + "\n")
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	return head, b.String()
}
