//go:build !cgo

package onnx

import "errors"

// newEngine fails: ONNX Runtime is called through C.
func newEngine(string) (engine, error) {
	return nil, errors.New("this hone-onnx was built without cgo and cannot load models: build it with CGO_ENABLED=1 and a C compiler")
}
