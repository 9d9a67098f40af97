package predictor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"hone"
)

// Wrap makes an artefact, in the empty folder dir, of a model file that another
// library wrote: LightGBM's text or XGBoost's JSON, told by what is in it. The
// model must fit the signature.
func Wrap(dir, file string, s hone.Signature) error {
	b, err := readBounded(file, maxModel)
	if err != nil {
		return err
	}
	name := formatOf(b)
	if name == "" {
		return refuse(fmt.Sprintf("%s is no model file that is known", filepath.Base(file)),
			"give LightGBM's text (Booster.save_model), XGBoost's JSON (save_model to .json), or an artefact's folder with hone.json; a pickle needs a server of its own: docs/guide/trainer.md")
	}
	if err := os.WriteFile(filepath.Join(dir, ModelFile(name)), b, 0o600); err != nil {
		return err
	}
	m := Manifest{Format: name, Signature: s}
	if err := WriteManifest(dir, m); err != nil {
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
	}
	return ""
}
