package oip_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"hone"
	"hone/internal/oip"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	f := func(err error, want codes.Code, text string) {
		t.Helper()
		if got := oip.Status(err); got.Code() != want || !strings.Contains(got.Message(), text) {
			t.Errorf("%v: got %v %q", err, got.Code(), got.Message())
		}
	}
	for code, want := range map[hone.Code]codes.Code{
		hone.Invalid: codes.InvalidArgument, hone.Unknown: codes.Unauthenticated, hone.Denied: codes.PermissionDenied, hone.NotFound: codes.NotFound, hone.Conflict: codes.Aborted,
		hone.TooLarge: codes.InvalidArgument, hone.Overloaded: codes.ResourceExhausted, hone.Unavailable: codes.Unavailable, hone.Internal: codes.Internal,
	} {
		f(fmt.Errorf("wrapped: %w", &hone.Error{Code: code, Message: "it is so", Hint: "do this"}), want, "it is so: do this")
	}
	f(errors.New("SELECT secret"), codes.Internal, "the server's log has the cause")
	f(fmt.Errorf("ask: %w", context.DeadlineExceeded), codes.DeadlineExceeded, "in time")
	f(context.Canceled, codes.Canceled, "given up")
}

// one is a request of one tensor.
func one(datatype string, c *oip.InferTensorContents, raw ...[]byte) *oip.ModelInferRequest {
	return &oip.ModelInferRequest{RawInputContents: raw, Inputs: []*oip.ModelInferRequest_InferInputTensor{{Name: "x", Datatype: datatype, Contents: c}}}
}

// read returns the n elements of the only tensor as text, or why there are none.
func read(r *oip.ModelInferRequest, n int) string {
	in, err := oip.In(r)
	if err != nil {
		return err.Error()
	}
	var out []string
	err = in[0].Each(n, func(k int, v oip.Value) error {
		if k != len(out) {
			return fmt.Errorf("element %d comes as %d", len(out), k)
		}
		out = append(out, fmt.Sprintf("%d %v %s", v.Kind, v.Num, v.Text))
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return strings.Join(out, ",")
}

func TestElements(t *testing.T) {
	t.Parallel()
	f := func(r *oip.ModelInferRequest, n int, want string) {
		t.Helper()
		if got := read(r, n); got != want {
			t.Errorf("%v: got %q, want %q", r, got, want)
		}
	}
	type c = oip.InferTensorContents
	const big = 1<<62 + 1
	f(one("BOOL", &c{BoolContents: []bool{true, false}}), 2, "2 1 ,2 0 ")
	f(one("INT8", &c{IntContents: []int32{-3}}), 1, "0 -3 ")
	f(one("INT64", &c{Int64Contents: []int64{7, -big}}), 2, "0 7 ,0 -4.611686018427388e+18 -4611686018427387905")
	f(one("UINT32", &c{UintContents: []uint32{4}}), 1, "0 4 ")
	f(one("UINT64", &c{Uint64Contents: []uint64{big}}), 1, "0 4.611686018427388e+18 4611686018427387905")
	f(one("FP32", &c{Fp32Contents: []float32{0.5}}), 1, "0 0.5 ")
	f(one("FP64", &c{Fp64Contents: []float64{math.NaN()}}), 1, "0 NaN ")
	f(one("BYTES", &c{BytesContents: [][]byte{[]byte("a\x00")}}), 1, "1 0 a\x00")
	f(one("FP64", &c{Fp32Contents: []float32{1}}), 1, "it holds 0 elements of its datatype, its shape says 1")
	f(one("FP64", nil), 1, "it holds 0 elements of its datatype, its shape says 1")
	f(one("FP16", nil), 1, "elements of FP16 come as raw bytes alone")
	f(one("COMPLEX", nil), 1, `the datatype "COMPLEX" is not known`)

	f(one("BOOL", nil, []byte{2, 0}), 2, "2 1 ,2 0 ")
	f(one("INT8", nil, []byte{0xff}), 1, "0 -1 ")
	f(one("UINT8", nil, []byte{0xff}), 1, "0 255 ")
	f(one("INT16", nil, []byte{0, 0x80}), 1, "0 -32768 ")
	f(one("UINT16", nil, []byte{0, 0x80}), 1, "0 32768 ")
	f(one("INT32", nil, []byte{0xfe, 0xff, 0xff, 0xff}), 1, "0 -2 ")
	f(one("UINT32", nil, []byte{0, 0, 0, 0x80}), 1, "0 2.147483648e+09 ")
	f(one("FP32", nil, []byte{0, 0, 0x80, 0x3f}), 1, "0 1 ")
	f(one("FP64", nil, oip.AppendNumbers(nil, []float64{1.5, -2})), 2, "0 1.5 ,0 -2 ")
	f(one("INT64", nil, []byte{1, 0, 0, 0, 0, 0, 0, 0x40}), 1, "0 4.611686018427388e+18 4611686018427387905")
	f(one("UINT64", nil, []byte{1, 0, 0, 0, 0, 0, 0, 0}), 1, "0 1 ")
	f(one("FP16", nil, []byte{0, 0x3c, 0, 0xc0, 1, 0, 0, 0x7c, 0, 0xfc, 1, 0x7c}), 6, "0 1 ,0 -2 ,0 5.960464477539063e-08 ,0 +Inf ,0 -Inf ,0 NaN ")
	f(one("BYTES", nil, oip.AppendText(oip.AppendText(nil, ""), "grüezi")), 2, "1 0 ,1 0 grüezi")
	f(one("BYTES", nil, []byte{5, 0, 0, 0, 'a'}), 1, "its raw elements end within element 0")
	f(one("BYTES", nil, []byte{0xff, 0xff, 0xff, 0xff}), 1, "its raw elements end within element 0")
	f(one("BYTES", nil, []byte{0, 0, 0, 0, 1}), 1, "its raw elements go on after the 1 of its shape")
	f(one("FP64", nil, make([]byte, 12)), 1, "its raw elements have 12 bytes, its shape and datatype say 1 times 8")
	f(one("FP64", nil, make([]byte, 16)), 1, "its raw elements have 16 bytes, its shape and datatype say 1 times 8")
	f(one("", nil, nil), 1, `the datatype "" is not known`)
	f(one("FP64", nil, nil, nil), 1, "raw_input_contents has 2 entries for 1 tensors")
	f(one("FP64", &c{}, nil), 1, "tensor 0 has contents beside raw_input_contents")
}

func FuzzElements(f *testing.F) {
	for _, r := range []*oip.ModelInferRequest{
		one("BYTES", nil, oip.AppendText(nil, "a")), one("FP64", nil, oip.AppendNumbers(nil, []float64{1})),
		one("INT64", &oip.InferTensorContents{Int64Contents: []int64{1}}), one("FP16", nil, []byte{1, 2}),
	} {
		b, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, 1)
	}
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		var r oip.ModelInferRequest
		if proto.Unmarshal(b, &r) != nil || n < 0 || n > 10_000 {
			return
		}
		in, err := oip.In(&r)
		if err != nil {
			return
		}
		for _, x := range in {
			seen := 0
			if err := x.Each(n, func(int, oip.Value) error { seen++; return nil }); err == nil && seen != n {
				t.Errorf("%v: %d elements of %d", x, seen, n)
			}
		}
	})
}
