// Command hone-onnx serves artefacts of the format onnx by ONNX Runtime, so that its C
// code runs outside of hone. All it does is left to the package onnx.
package main

import (
	"os"

	"hone/internal/onnx"
)

func main() { os.Exit(onnx.Main(os.Args[1:], os.Getenv, os.Stderr)) }
