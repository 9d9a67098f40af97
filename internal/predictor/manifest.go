package predictor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"hone"
	"hone/internal/frame"
)

const maxManifest = 1 << 20 // Bytes of hone.json.

// ReadManifest reads hone.json in dir. It refuses unknown keys, more than 1 MiB,
// and signatures that make no sense.
func ReadManifest(dir string) (Manifest, error) {
	b, err := readBounded(filepath.Join(dir, ManifestName), maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, refuse("there is no "+ManifestName, "an artefact is a folder with "+ManifestName+" in it")
	}
	if err != nil {
		return Manifest{}, err
	}
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Manifest{}, refuse(fmt.Sprintf("%s cannot be read: %v", ManifestName, err), "write it by the trainer helper's save_server or save_onnx")
	}
	if _, err := d.Token(); err != io.EOF {
		return Manifest{}, refuse(ManifestName+" goes on after its end", "it must hold one JSON object")
	}
	return m, m.check()
}

// WriteManifest writes m as hone.json in dir, which must exist. The file is
// there as a whole or not at all.
func WriteManifest(dir string, m Manifest) error {
	if err := m.check(); err != nil {
		return err
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", ManifestName, err)
	}
	f, err := os.CreateTemp(dir, ManifestName+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, ManifestName))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// inProcess tells that the artefact is scored in this process.
func (m Manifest) inProcess() bool { return ModelFile(m.Format) != "" }

func (m Manifest) check() error {
	switch {
	case !m.inProcess() && m.Format != "process" && m.Format != "onnx" && m.Format != "upstream":
		return refuse(fmt.Sprintf("format %q is not known", m.Format), "the formats are "+inProcess()+", onnx, process and upstream")
	case (m.Format == "upstream") != (m.Upstream != nil):
		return refuse("the key upstream and the format upstream go together", "say under upstream where the server is, or take both out")
	case m.Format == "process" && (len(m.Command) == 0 || m.Command[0] == ""):
		return refuse("a process artefact has no command", `name what starts its server, such as ["{python}", "serve.py"]`)
	case m.Format != "process" && len(m.Command) > 0:
		return refuse(fmt.Sprintf("an artefact of format %s has a command", m.Format), "remove it, or use the format process")
	case m.ONNX != nil && m.Format != "onnx":
		return refuse(fmt.Sprintf("an artefact of format %s has the key onnx", m.Format), "remove it, or use the format onnx")
	case m.Calibration != nil && m.Signature.Task != hone.Binary:
		return refuse("scores of the task "+string(m.Signature.Task)+" are not calibrated", "remove calibration")
	}
	if len(m.Signature.Features) == 0 {
		return refuse("the signature has no features", "list what the model is given")
	}
	for i, f := range m.Signature.Features {
		switch {
		case f.Name == "":
			return refuse(fmt.Sprintf("feature %d has no name", i+1), "name each feature")
		case m.Signature.Features[:i].Index(f.Name) >= 0:
			return refuse(fmt.Sprintf("feature %q is there twice", f.Name), "name each feature once")
		case f.Kind != frame.Number && f.Kind != frame.Category && f.Kind != frame.Text:
			return refuse(fmt.Sprintf("feature %q has the kind %q", f.Name, f.Kind), "the kinds are number, category and text")
		}
	}
	if m.Calibration != nil {
		if err := m.Calibration.Check(); err != nil {
			return refuse(err.Error(), "write the artefact again")
		}
	}
	if err := checkClasses(m.Signature); err != nil {
		return err
	}
	if m.Upstream != nil {
		return m.Upstream.Check(m.Signature)
	}
	return m.ONNX.check(m.Signature)
}

func checkClasses(s hone.Signature) error {
	n := len(s.Classes)
	switch {
	case s.Task != hone.Binary && s.Task != hone.Multiclass && s.Task != hone.Regression:
		return refuse(fmt.Sprintf("task %q is not known", s.Task), "the tasks are binary, multiclass and regression")
	case s.Task == hone.Binary && n != 2:
		return refuse(fmt.Sprintf("a binary signature has %d classes", n), "name two: the negative, then the positive")
	case s.Task == hone.Multiclass && n < 2:
		return refuse(fmt.Sprintf("a multiclass signature has %d classes", n), "name at least two")
	case s.Task == hone.Regression && n != 0:
		return refuse("a regression signature has classes", "remove them, or change the task")
	case math.IsNaN(s.Threshold) || s.Threshold < 0 || s.Threshold > 1:
		return refuse(fmt.Sprintf("the threshold %v is no probability", s.Threshold), "it lies between 0 and 1")
	}
	seen := make(map[string]bool, n)
	for _, c := range s.Classes {
		if seen[c] || c == "" {
			return refuse(fmt.Sprintf("class %q is empty or there twice", c), "name each class once")
		}
		seen[c] = true
	}
	return nil
}

func refuse(message, hint string) error {
	return &hone.Error{Code: hone.Invalid, Message: "open the artefact: " + message, Hint: hint}
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, refuse(filepath.Base(path)+" is not a regular file", "copy the file itself into the artefact")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, refuse(fmt.Sprintf("%s is over %d bytes", filepath.Base(path), limit), "make it smaller")
	}
	return b, nil
}
