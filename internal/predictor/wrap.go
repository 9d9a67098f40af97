package predictor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"hone"
)

// Wrap makes an artefact, in the empty folder dir, of a model file that another
// library wrote: LightGBM's text, XGBoost's JSON or an ONNX model, told by what is in
// it. The model must fit the signature; of ONNX that shows when it is opened.
func Wrap(dir, file string, s hone.Signature) error {
	b, err := readBounded(file, maxModel)
	if err != nil {
		return err
	}
	name := formatOf(b)
	if name == "" {
		return refuse(fmt.Sprintf("%s is no model file that is known", filepath.Base(file)),
			"give LightGBM's text (Booster.save_model), XGBoost's JSON (save_model to .json), an ONNX model, or an artefact's folder with hone.json; a pickle needs a server of its own: docs/guide/trainer.md")
	}
	m := Manifest{Format: name, Signature: s}
	as := ModelFile(name)
	if !m.inProcess() {
		as = ONNXFile
	}
	if err := os.WriteFile(filepath.Join(dir, as), b, 0o600); err != nil {
		return err
	}
	if err := WriteManifest(dir, m); err != nil || !m.inProcess() {
		return err
	}
	_, err = readModel(dir, m)
	return err
}

// formatOf tells a model file by how it begins.
func formatOf(b []byte) string {
	head := bytes.TrimSpace(b[:min(len(b), 1<<16)])
	switch {
	case bytes.HasPrefix(head, []byte("tree\n")) || bytes.HasPrefix(head, []byte("tree\r\n")):
		return "lightgbm"
	case bytes.HasPrefix(head, []byte("{")) && bytes.Contains(head, []byte(`"learner"`)):
		return "xgboost"
	case len(b) > 1 && b[0] == 0x08 && b[1] < 0x80: // A protobuf that begins with the version of its format.
		return "onnx"
	}
	return ""
}
