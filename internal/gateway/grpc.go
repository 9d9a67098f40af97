package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"

	"google.golang.org/grpc"

	"hone"
	"hone/internal/oip"
)

// service answers inference.GRPCInferenceService for a gateway.
type service struct {
	oip.UnimplementedGRPCInferenceServiceServer
	g         *Gateway
	authorize func(ctx context.Context, model string) error
}

// GRPC returns the Open Inference Protocol over gRPC, for a server that speaks
// HTTP/2. Each call that concerns a model is first put to authorize, where that is not
// nil, as Handler does.
func (g *Gateway) GRPC(authorize func(ctx context.Context, model string) error) http.Handler {
	s := &service{g: g, authorize: authorize}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxBody), grpc.MaxSendMsgSize(math.MaxInt32), grpc.UnaryInterceptor(s.guard))
	oip.RegisterGRPCInferenceServiceServer(server, s)
	return server
}

// guard turns errors, and panics, into what a caller is told.
func (s *service) guard(ctx context.Context, in any, call *grpc.UnaryServerInfo, next grpc.UnaryHandler) (out any, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("panic: %v\n%s", x, debug.Stack())
		}
		if err == nil {
			return
		}
		if _, told := hone.AsError(err); !told && ctx.Err() == nil {
			s.g.logger.ErrorContext(ctx, "call broke", "method", call.FullMethod, "error", err)
		}
		out, err = nil, oip.Status(err).Err()
	}()
	model := ""
	switch r := in.(type) {
	case *oip.ModelReadyRequest:
		model = r.GetName()
	case *oip.ModelMetadataRequest:
		model = r.GetName()
	case *oip.ModelInferRequest:
		model = r.GetModelName()
	default:
		return next(ctx, in)
	}
	if s.authorize != nil {
		if err := s.authorize(ctx, model); err != nil {
			return nil, err
		}
	}
	return next(ctx, in)
}

func (s *service) ServerLive(context.Context, *oip.ServerLiveRequest) (*oip.ServerLiveResponse, error) {
	return &oip.ServerLiveResponse{Live: true}, nil
}

func (s *service) ServerReady(context.Context, *oip.ServerReadyRequest) (*oip.ServerReadyResponse, error) {
	return &oip.ServerReadyResponse{Ready: !s.g.jobs.over()}, nil
}

func (s *service) ServerMetadata(context.Context, *oip.ServerMetadataRequest) (*oip.ServerMetadataResponse, error) {
	return &oip.ServerMetadataResponse{Name: "hone", Version: buildVersion()}, nil
}

func (s *service) ModelReady(_ context.Context, r *oip.ModelReadyRequest) (*oip.ModelReadyResponse, error) {
	ok, err := s.g.ready(r.GetName(), hone.VersionID(r.GetVersion()))
	return &oip.ModelReadyResponse{Ready: ok}, err
}

func (s *service) ModelMetadata(ctx context.Context, r *oip.ModelMetadataRequest) (*oip.ModelMetadataResponse, error) {
	d, err := s.g.about(ctx, r.GetName(), hone.VersionID(r.GetVersion()))
	if err != nil {
		return nil, err
	}
	out := &oip.ModelMetadataResponse{Name: d.Name, Platform: d.Platform, Inputs: tensorsOf(d.Inputs), Outputs: tensorsOf(d.Outputs)}
	for _, v := range d.Versions {
		out.Versions = append(out.Versions, string(v))
	}
	return out, nil
}

func tensorsOf(in []shapeOf) (out []*oip.ModelMetadataResponse_TensorMetadata) {
	for _, s := range in {
		t := &oip.ModelMetadataResponse_TensorMetadata{Name: s.Name, Datatype: s.Datatype}
		for _, n := range s.Shape {
			t.Shape = append(t.Shape, int64(n))
		}
		out = append(out, t)
	}
	return out
}

func (s *service) ModelInfer(ctx context.Context, r *oip.ModelInferRequest) (*oip.ModelInferResponse, error) {
	m, serving, err := s.g.find(r.GetModelName())
	if err != nil {
		return nil, err
	}
	in, err := readCall(r, m, s.g.sticky(m))
	if err == nil {
		err = in.checkOutputs(m.Task)
	}
	if err != nil {
		serving.requests.Add(1)
		serving.errors.Add(1)
		return nil, err
	}
	in.Version = hone.VersionID(r.GetModelVersion())
	out, err := s.g.predict(ctx, m.Name, in.Request)
	if err != nil {
		return nil, err
	}
	return answerCall(m.Name, &in, out, len(r.RawInputContents) > 0), nil
}

// readCall reads an infer request out of a message, by the rules of one in JSON.
func readCall(r *oip.ModelInferRequest, m hone.Model, sticky []string) (inferRequest, error) {
	in := inferRequest{id: r.GetId()}
	in.Unit = r.GetParameters()["unit"].GetStringParam()
	for _, o := range r.GetOutputs() {
		in.outputs = append(in.outputs, o.GetName())
	}
	wrong := func(format string, args ...any) error {
		return &hone.Error{Code: hone.Invalid, Message: "the message: " + fmt.Sprintf(format, args...), Hint: "send it as the Open Inference Protocol has it"}
	}
	if len(in.outputs) > extraInputs {
		return in, wrong("more outputs are asked for than there are")
	}
	if len(r.GetInputs()) > len(m.Features)+extraInputs {
		return in, wrong("there are more inputs than model %s has features", m.Name)
	}
	all, err := oip.In(r)
	if err != nil {
		return in, wrong("%v", err)
	}
	tensors := make([]tensor, len(all))
	for i := range all {
		t := tensor{name: all[i].Name, datatype: all[i].Datatype, hasData: true, typed: &all[i]}
		for _, n := range all[i].Shape {
			if n < 0 || n > math.MaxInt32 || len(t.shape) == extraInputs {
				return in, wrong("input %s has a shape that no feature can have", quote(t.name))
			}
			t.shape = append(t.shape, int(n))
		}
		tensors[i] = t
	}
	return in, in.assemble(tensors, m, sticky)
}

// message calls put for each element of a tensor that came in a message.
func (t *tensor) message(put func(k int, c cell) error) error {
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	err := t.typed.Each(n, func(k int, v oip.Value) error {
		c, err := t.cellOf(v)
		if err != nil {
			return err
		}
		return put(k, c)
	})
	if _, told := hone.AsError(err); err == nil || told {
		return err
	}
	return badInput(t.name, "send as many elements as its shape says, all of its datatype", "cannot be read: %v", err)
}

// cellOf is an element as JSON would have it. NaN and the infinities count as
// missing.
func (t *tensor) cellOf(v oip.Value) (cell, error) {
	switch {
	case v.Kind == oip.Bool:
		return cell{kind: isBool, num: v.Num}, nil
	case v.Kind == oip.Number && (math.IsNaN(v.Num) || math.IsInf(v.Num, 0)):
		return cell{}, nil
	case v.Kind == oip.Number && v.Text == nil && math.Abs(v.Num) >= 1<<53:
		return cell{kind: isNumber, num: v.Num, raw: strconv.AppendFloat(nil, v.Num, 'e', -1, 64)}, nil
	case v.Kind == oip.Number:
		return cell{kind: isNumber, num: v.Num, raw: v.Text}, nil
	case len(v.Text) > maxString:
		return cell{}, badInput(t.name, "shorten it", "has an element of %d bytes, at most %d are read", len(v.Text), maxString)
	}
	return cell{kind: isText, raw: bytes.ToValidUTF8(v.Text, []byte("\uFFFD"))}, nil
}

// answerCall writes an answer as a message, its elements in the form in which those
// of the request came.
func answerCall(model string, in *inferRequest, out served, raw bool) *oip.ModelInferResponse {
	as := out.answers
	text := func(s string) *oip.InferParameter {
		return &oip.InferParameter{ParameterChoice: &oip.InferParameter_StringParam{StringParam: s}}
	}
	w := callWriter{raw: raw, rows: len(as), to: &oip.ModelInferResponse{ModelName: model, ModelVersion: string(as[0].Version), Id: in.id,
		Parameters: map[string]*oip.InferParameter{"version": text(string(as[0].Version)), "route": text(out.route()), "log": text(out.log)}}}
	if len(as) == 1 {
		w.to.Parameters["prediction_id"] = text(string(as[0].ID))
	}
	name := "score"
	if as[0].Classes == nil {
		name = "value"
	}
	if in.wants(name, true) {
		w.scores(name, as)
	}
	if as[0].Classes != nil && in.wants("class", true) {
		w.texts("class", as, func(a *Answer) string { return a.Answer })
	}
	if in.wants("prediction_id", len(as) > 1 || out.made) {
		w.texts("prediction_id", as, func(a *Answer) string { return string(a.ID) })
	}
	if in.wants("version", slices.ContainsFunc(as, func(a Answer) bool { return a.Version != as[0].Version })) {
		w.texts("version", as, func(a *Answer) string { return string(a.Version) })
	}
	return w.to
}

// callWriter writes the outputs of an answer.
type callWriter struct {
	to   *oip.ModelInferResponse
	raw  bool
	rows int
}

func (w *callWriter) add(name, datatype string, c *oip.InferTensorContents, raw []byte, shape ...int64) *oip.ModelInferResponse_InferOutputTensor {
	t := &oip.ModelInferResponse_InferOutputTensor{Name: name, Datatype: datatype, Shape: append([]int64{int64(w.rows)}, shape...)}
	if w.raw {
		w.to.RawOutputContents = append(w.to.RawOutputContents, raw)
	} else {
		t.Contents = c
	}
	w.to.Outputs = append(w.to.Outputs, t)
	return t
}

// scores writes one score a row, or one a class, whose names are in a parameter as
// a list in JSON: parameters know no lists.
func (w *callWriter) scores(name string, as []Answer) {
	var v []float64
	if single(as) {
		for i := range as {
			v = append(v, as[i].Scores[0])
		}
		w.numbers(name, v)
		return
	}
	classes := classesOf(as)
	for i := range as {
		same := slices.Equal(classes, as[i].Classes)
		for k, c := range classes {
			v = append(v, as[i].of(k, c, same))
		}
	}
	names, _ := json.Marshal(classes) // Texts always can be.
	w.numbers(name, v, int64(len(classes))).Parameters = map[string]*oip.InferParameter{"classes": {ParameterChoice: &oip.InferParameter_StringParam{StringParam: string(names)}}}
}

func (w *callWriter) numbers(name string, v []float64, shape ...int64) *oip.ModelInferResponse_InferOutputTensor {
	if w.raw {
		return w.add(name, "FP64", nil, oip.AppendNumbers(make([]byte, 0, 8*len(v)), v), shape...)
	}
	return w.add(name, "FP64", &oip.InferTensorContents{Fp64Contents: v}, nil, shape...)
}

func (w *callWriter) texts(name string, as []Answer, of func(*Answer) string) {
	var raw []byte
	c := &oip.InferTensorContents{}
	for i := range as {
		if w.raw {
			raw = oip.AppendText(raw, of(&as[i]))
		} else {
			c.BytesContents = append(c.BytesContents, []byte(of(&as[i])))
		}
	}
	w.add(name, "BYTES", c, raw)
}
