package predictor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor/child"
)

// ONNXFile is the file in which an artefact of the format onnx keeps its model.
const ONNXFile = "model.onnx"

// ONNX says how rows become what the model of an onnx artefact takes, and how what
// it gives becomes scores. The zero value is that of a model which takes numbers.
type ONNX struct {
	// Output is the model's output with the scores; empty where only one holds floats.
	Output string `json:"output,omitempty"`
	// Classes are those of the output's columns, where they are not the signature's
	// in its order. A class that is left out gets the score 0.
	Classes []string `json:"classes,omitempty"`
	// Categories by feature: the model is given a name's place in the list, from 0;
	// for any other name NaN or, as a whole number, -1.
	Categories map[string][]string `json:"categories,omitempty"`
}

// Runtime says where what serves models of ONNX is; what is empty is looked for.
type Runtime struct {
	Program string // hone-onnx.
	Library string // ONNX Runtime's shared library.
}

// check refuses what cannot hold whatever the model is.
func (o *ONNX) check(s hone.Signature) error {
	if o == nil {
		return nil
	}
	for i, c := range o.Classes {
		if slices.Contains(o.Classes[:i], c) || !slices.Contains(s.Classes, c) {
			return refuse(fmt.Sprintf("onnx.classes: %q is there twice, or no class of the signature", c), "name the class of each column of the output once")
		}
	}
	for name, list := range o.Categories {
		i := s.Features.Index(name)
		switch {
		case i < 0 || s.Features[i].Kind != frame.Category:
			return refuse(fmt.Sprintf("onnx.categories: %q is no category of the signature", name), "list the names of categories alone")
		case len(list) == 0:
			return refuse(fmt.Sprintf("onnx.categories: %q has no names", name), "list its names in the order of their numbers")
		}
		seen := make(map[string]bool, len(list))
		for _, c := range list {
			if seen[c] {
				return refuse(fmt.Sprintf("onnx.categories: %q has the name %q twice", name, c), "each name has one number")
			}
			seen[c] = true
		}
	}
	return nil
}

// openONNX opens an artefact that hone-onnx serves: as a process, which may read its
// program and the library besides.
func openONNX(ctx context.Context, dir string, m Manifest, o Options) (Predictor, error) {
	info, err := os.Lstat(filepath.Join(dir, ONNXFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || info.Size() == 0) {
		return nil, refuse("there is no model in "+ONNXFile, "an onnx artefact is a folder with hone.json and "+ONNXFile+", a regular file")
	}
	if err != nil {
		return nil, err
	}
	program, err := findProgram(o.ONNX.Program)
	if err != nil {
		return nil, err
	}
	library, err := FindLibrary(o.ONNX.Library, o.Python)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	m.Command = []string{program, "--library", library, dir}
	// It loads its parts from its folder, in which a person may keep other things too.
	parts, _ := filepath.Glob(filepath.Join(filepath.Dir(library), "libonnxruntime*")) // The pattern is good unless the folder's name is odd.
	o.Box.Read = append(append(slices.Clone(o.Box.Read), library), parts...)
	return openProcess(ctx, dir, m, o)
}

// findProgram returns hone-onnx: the preferred one if it is set, else that beside
// the running program, else that on the PATH.
func findProgram(preferred string) (string, error) {
	tried := []string{preferred}
	if preferred == "" {
		tried = nil
		if self, err := os.Executable(); err == nil {
			tried = append(tried, filepath.Join(filepath.Dir(self), "hone-onnx"))
		}
		tried = append(tried, "hone-onnx")
	}
	for _, t := range tried {
		if path, err := exec.LookPath(t); err == nil {
			return filepath.Abs(path)
		}
	}
	where := preferred
	if where == "" {
		where = "hone-onnx, neither beside hone nor on the PATH"
	}
	return "", &hone.Error{Code: hone.Invalid, Message: "there is no program to serve the format onnx: " + where,
		Hint: "build it with `go build ./cmd/hone-onnx`, which wants a C compiler, and put it beside hone or name it in server.onnx.program"}
}

// FindLibrary returns ONNX Runtime's shared library, links resolved: the preferred
// one if it is set, else $HONE_ONNX_LIBRARY, else that of the package onnxruntime of
// the Python that FindPython gives, else one where libraries of the system are.
func FindLibrary(preferred, python string) (string, error) {
	if preferred == "" {
		preferred = os.Getenv("HONE_ONNX_LIBRARY")
	}
	found := []string{preferred}
	if preferred == "" {
		found = nil
		for _, dir := range libraryFolders(python) {
			for _, name := range []string{"libonnxruntime.so.*", "libonnxruntime.so", "libonnxruntime.dylib"} {
				match, _ := filepath.Glob(filepath.Join(dir, name)) // The patterns are good.
				found = append(found, match...)
			}
		}
	}
	for _, path := range found {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			continue
		}
		if info, err := os.Stat(real); err == nil && info.Mode().IsRegular() {
			return filepath.Abs(real)
		}
	}
	where := ""
	if preferred != "" {
		where = " at " + preferred
	}
	return "", &hone.Error{Code: hone.Invalid, Message: "there is no shared library of ONNX Runtime" + where,
		Hint: "get it with `pip install onnxruntime`, which leaves onnxruntime/capi/libonnxruntime.so.… among the Python's packages, and name that file in server.onnx.library or HONE_ONNX_LIBRARY"}
}

// libraryFolders are the plain places of the library.
func libraryFolders(python string) []string {
	var above, out []string
	if path, err := child.FindPython(python); err == nil {
		above = append(above, filepath.Dir(filepath.Dir(path)))
	}
	if home, err := os.UserHomeDir(); err == nil {
		above = append(above, filepath.Join(home, ".local"))
	}
	for _, dir := range append(above, "/usr/local") {
		match, _ := filepath.Glob(filepath.Join(dir, "lib", "python3*", "*-packages", "onnxruntime", "capi"))
		out = append(out, match...)
	}
	multiarch, _ := filepath.Glob("/usr/lib/*-linux-gnu")
	return append(append(out, "/usr/local/lib", "/usr/lib", "/usr/lib64", "/opt/onnxruntime/lib", "/opt/homebrew/lib"), multiarch...)
}
