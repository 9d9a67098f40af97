package cli

import (
	"bytes"
	"testing"

	"hone"
)

func TestPrintReceipt(t *testing.T) {
	t.Parallel()
	f := func(r hone.Run, want string) {
		t.Helper()
		var b bytes.Buffer
		if printReceipt(&b, r); b.String() != want {
			t.Errorf("got %q, want %q", b.String(), want)
		}
	}
	forecast := func(f hone.Forecast) hone.Run { return hone.Run{Decision: hone.Decision{Forecast: &f}} }
	f(hone.Run{}, "") // A first version.
	f(forecast(hone.Forecast{Rows: 600, Gain: 42.9, Lower: 12.8, Upper: 126}), "  forecast: 42.9 units of loss, 12.8 to 126, won back on 600 labelled rows.\n")
	f(forecast(hone.Forecast{Rows: 300, Lower: -3.44, Upper: 3.44, Aside: true}), "  forecast: 0 units of loss, -3.44 to 3.44, won back on 300 labelled rows, which is not what started the run.\n")
	f(forecast(hone.Forecast{Aside: true, Unknown: "the probe saw too little"}), "  receipt: none, since nothing was forecast: the probe saw too little.\n")
	over := forecast(hone.Forecast{Rows: 600, Gain: 42.9})
	over.Receipt = &hone.Receipt{Sentence: "On 600 labelled rows v4 won back 13 against v3."}
	f(over, "  receipt: On 600 labelled rows v4 won back 13 against v3.\n")
}
