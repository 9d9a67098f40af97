package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"hone"
	"hone/internal/frame"
	"hone/internal/oip"
	"hone/internal/outgoing"
)

// overGRPC asks a server of inference.GRPCInferenceService.
type overGRPC struct {
	spec   Spec
	sig    hone.Signature
	conn   *grpc.ClientConn
	client oip.GRPCInferenceServiceClient
}

func newGRPC(s Spec, sig hone.Signature, private bool) (caller, error) {
	u, err := s.address()
	if err != nil {
		return nil, err
	}
	dial := outgoing.Dialer(private)
	secure := insecure.NewCredentials()
	if u.Scheme == "https" {
		secure = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	}
	_, at, _ := strings.Cut(Origin(s.URL), "://")
	conn, err := grpc.NewClient("passthrough:///"+at, grpc.WithTransportCredentials(secure), grpc.WithNoProxy(), grpc.WithDisableServiceConfig(),
		grpc.WithUserAgent("hone"), grpc.WithMaxHeaderListSize(64<<10), grpc.WithConnectParams(grpc.ConnectParams{Backoff: again, MinConnectTimeout: 5 * time.Second}),
		grpc.WithContextDialer(func(ctx context.Context, at string) (net.Conn, error) { return dial.DialContext(ctx, "tcp", at) }))
	if err != nil {
		return nil, fmt.Errorf("prepare calls of %s: %w", at, err)
	}
	return &overGRPC{s, sig, conn, oip.NewGRPCInferenceServiceClient(conn)}, nil
}

// again is how soon a connection that broke is tried anew: a server that is back
// must not wait long to be found.
var again = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}

func (c *overGRPC) close() { _ = c.conn.Close() } // Fails only when done twice.

func (c *overGRPC) healthy(ctx context.Context, h headers) error {
	r, err := c.client.ModelReady(h.outgoing(ctx), &oip.ModelReadyRequest{Name: c.spec.Model, Version: c.spec.Version})
	switch {
	case err != nil:
		return said(ctx, err)
	case !r.GetReady():
		return errors.New("it says that the model is not ready")
	}
	return nil
}

func (c *overGRPC) infer(ctx context.Context, f *frame.Frame, h headers) (table, error) {
	limit := 1<<20 + 64*f.N*(c.sig.Width()+1)
	r, err := c.client.ModelInfer(h.outgoing(ctx), c.request(f), grpc.MaxCallRecvMsgSize(limit), grpc.MaxCallSendMsgSize(maxSend))
	if err != nil {
		return table{}, said(ctx, err)
	}
	outputs, err := oip.Out(r)
	if err != nil {
		return table{}, err
	}
	want, names := c.spec.output(c.sig), []string(nil)
	for _, t := range outputs {
		if names = append(names, t.Name); t.Name == want {
			return readTensor(t, f.N)
		}
	}
	return table{}, missing(want, names)
}

// maxSend is the most bytes of rows in one call.
const maxSend = 256 << 20

// said turns a status into what the server said. What kept the call from it, as an
// address that is not to be called, is in its text.
func said(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s, _ := status.FromError(err)
	switch s.Code() {
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	case codes.Unavailable:
		return errors.New(cut(s.Message()))
	}
	return fmt.Errorf("it answered with %s: %s", s.Code(), cut(s.Message()))
}

func (h headers) outgoing(ctx context.Context) context.Context {
	for name, value := range h {
		ctx = metadata.AppendToOutgoingContext(ctx, strings.ToLower(name), value)
	}
	return ctx
}

func (c *overGRPC) request(f *frame.Frame) *oip.ModelInferRequest {
	r := &oip.ModelInferRequest{ModelName: c.spec.Model, ModelVersion: c.spec.Version, Parameters: map[string]*oip.InferParameter{},
		Outputs: []*oip.ModelInferRequest_InferRequestedOutputTensor{{Name: c.spec.output(c.sig)}}}
	for name, v := range c.spec.Parameters {
		switch x := v.(type) {
		case string:
			r.Parameters[name] = &oip.InferParameter{ParameterChoice: &oip.InferParameter_StringParam{StringParam: x}}
		case bool:
			r.Parameters[name] = &oip.InferParameter{ParameterChoice: &oip.InferParameter_BoolParam{BoolParam: x}}
		case float64:
			r.Parameters[name] = &oip.InferParameter{ParameterChoice: &oip.InferParameter_DoubleParam{DoubleParam: x}}
		}
	}
	if c.spec.Input != "" {
		all := make([]float64, 0, f.N*len(f.Cols))
		for row := range f.N {
			for col := range f.Cols {
				all = append(all, f.Cols[col].Num[row])
			}
		}
		r.Inputs = append(r.Inputs, c.spec.tensor(c.spec.Input, all, f.N, len(f.Cols)))
		return r
	}
	for i, field := range f.Schema {
		if field.Kind == frame.Number {
			r.Inputs = append(r.Inputs, c.spec.tensor(field.Name, f.Cols[i].Num, f.N))
			continue
		}
		texts := make([][]byte, f.N)
		for row, s := range f.Cols[i].Str {
			texts[row] = []byte(s)
		}
		r.Inputs = append(r.Inputs, &oip.ModelInferRequest_InferInputTensor{Name: field.Name, Datatype: "BYTES", Shape: []int64{int64(f.N)},
			Contents: &oip.InferTensorContents{BytesContents: texts}})
	}
	return r
}

// tensor writes numbers as an input. A number that is missing is NaN.
func (s Spec) tensor(name string, v []float64, shape ...int) *oip.ModelInferRequest_InferInputTensor {
	t := &oip.ModelInferRequest_InferInputTensor{Name: name, Datatype: "FP64", Contents: &oip.InferTensorContents{}}
	for _, n := range shape {
		t.Shape = append(t.Shape, int64(n))
	}
	if s.Datatype != "FP32" {
		t.Contents.Fp64Contents = v
		return t
	}
	t.Datatype, t.Contents.Fp32Contents = s.Datatype, make([]float32, len(v))
	for i, x := range v {
		t.Contents.Fp32Contents[i] = float32(x)
	}
	return t
}

// readTensor takes the scores of n rows out of an output.
func readTensor(t oip.Tensor, n int) (table, error) {
	if !strings.HasPrefix(t.Datatype, "FP") {
		return table{}, notScores(t.Name, t.Datatype)
	}
	width, err := shaped(t.Shape, n)
	if err != nil {
		return table{}, fmt.Errorf("output %q %w", t.Name, err)
	}
	out := table{width: width}
	err = t.Each(n*width, func(_ int, v oip.Value) error {
		out.v = append(out.v, v.Num)
		return nil
	})
	if err != nil {
		return table{}, fmt.Errorf("output %q: %w", t.Name, err)
	}
	return out, nil
}
