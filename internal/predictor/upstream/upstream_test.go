package upstream

import (
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/proto"

	"hone"
	"hone/internal/frame"
	"hone/internal/oip"
)

var binary = hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5,
	Features: frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "country", Kind: frame.Category}}}

// FuzzAnswer reads anything as the answer of a server, in each protocol: what comes
// of it is as many numbers as rows were asked for, or an error.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"outputs":[{"name":"score","shape":[2],"datatype":"FP64","data":[0.5,0.25]}]}`), "/outputs/0/data")
	f.Add([]byte(`{"outputs":[{"name":"score","shape":[2,2],"datatype":"FP32","data":[[0.5,0.5],[1,0]]}]}`), "")
	f.Add([]byte(`[{"p":[0.5,0.5]},{"p":[1,0]}]`), "/*/p")
	f.Add([]byte(`{"a~b":[[0.1],[0.2]]}`), "/a~0b")
	message, err := proto.Marshal(&oip.ModelInferResponse{Outputs: []*oip.ModelInferResponse_InferOutputTensor{{Name: "score", Datatype: "FP64", Shape: []int64{2}}},
		RawOutputContents: [][]byte{oip.AppendNumbers(nil, []float64{0.5, 1})}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message, "/0")
	f.Fuzz(func(t *testing.T, answer []byte, path string) {
		check := func(got table, err error) {
			if err != nil {
				return
			}
			s, err := got.arrange(binary, []string{"1", "0"}, 2)
			if err == nil && (s.Width != 1 || len(s.V) != 2) {
				t.Errorf("%q at %q gives %v", answer, path, s)
			}
		}
		check(readInfer(answer, "score", 2))
		if p, err := newPointer(path); err == nil {
			if doc, err := document(answer); err == nil {
				if doc, err = p.find(doc); err == nil {
					check(numbers(doc, 2))
				}
			}
		}
		var r oip.ModelInferResponse
		if proto.Unmarshal(answer, &r) == nil {
			if out, err := oip.Out(&r); err == nil && len(out) > 0 {
				check(readTensor(out[0], 2))
			}
		}
	})
}

// FuzzTemplate compiles anything: a template that is taken writes JSON.
func FuzzTemplate(f *testing.F) {
	f.Add([]byte(`{"instances":"{{rows}}"}`), []byte(nil))
	f.Add([]byte(`{"x":"{{x}}","c":["{{country}}", 1e2, null, {}]}`), []byte(nil))
	f.Add([]byte(`["{{rows}}"]`), []byte(`["{{x}}", {"c": "{{country}}"}]`))
	rows := frame.New(binary.Features, 2)
	rows.Cols[1].Str[1] = "a\"\\\x00\xff"
	f.Fuzz(func(t *testing.T, request, row []byte) {
		s := Spec{URL: "http://x", Protocol: Plain, Request: request}
		if len(row) > 0 {
			s.Row = json.RawMessage(row)
		}
		if s.Check(binary) != nil {
			return
		}
		made, err := newTemplate(s, binary.Features)
		if err != nil {
			t.Fatal(err)
		}
		if b := made.append(nil, rows); !json.Valid(b) {
			t.Errorf("%q and %q write %q", request, row, b)
		}
	})
}
