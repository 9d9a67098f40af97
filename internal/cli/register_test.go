package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
)

// A model that was trained elsewhere serves with no training: registered before the
// first start, or while a first version is being made.
func TestRegisterCommand(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("hone.yaml", configured)
	d.write("fraud.csv", fraud(600))
	d.write("model.pkl", "\x80\x04\x95")
	d.write("model.txt", foreign(t))
	if err := os.Mkdir(filepath.Join(d.dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.play("register.txt")
}

// foreign is LightGBM's text of a model that asks for the amount alone.
func foreign(t *testing.T) string {
	t.Helper()
	rows := frame.New(frame.Schema{{Name: "amount", Kind: frame.Number}}, 400)
	y := make([]float64, rows.N)
	for i := range y {
		rows.Cols[0].Num[i] = float64(i)
		y[i] = float64(i / 200)
	}
	o := gbdt.Defaults()
	o.Iterations, o.Leaves = 10, 3
	m, err := gbdt.Fit(gbdt.Set{Rows: rows, Targets: y}, o, gbdt.Extra{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
