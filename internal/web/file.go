package web

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"hone"
	"hone/internal/op"
)

// file gives one file of a version as it is, for a server of the owner's. It takes a
// token: a model may say more of the rows that it learned from than any answer does.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	who, _ := r.Context().Value(callerKey{}).(op.Caller)
	if who.Role == op.Anonymous {
		s.fail(w, r, r.URL.Path, refused(r.URL.Path, op.Predictor, who))
		return
	}
	model, name := r.PathValue("model"), r.PathValue("file")
	if !who.Sees(model) {
		s.fail(w, r, r.URL.Path, &hone.Error{Code: hone.NotFound, Message: "there is no model " + model, Hint: "`hone status` lists the models"})
		return
	}
	v, err := s.o.Service.Records.Version(r.Context(), model, hone.VersionID(r.PathValue("version")))
	if err != nil {
		s.fail(w, r, r.URL.Path, err)
		return
	}
	at := slices.IndexFunc(v.Files, func(f hone.File) bool { return f.Name == name })
	if at < 0 { // Only what the version lists has a path.
		s.fail(w, r, r.URL.Path, &hone.Error{Code: hone.NotFound, Message: string(v.ID) + " has no such file", Hint: "`hone versions " + model + " --json` lists the files of each version"})
		return
	}
	dir, err := s.o.Service.Artefact(v.Artefact)
	if err != nil {
		s.fail(w, r, r.URL.Path, err)
		return
	}
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		s.fail(w, r, r.URL.Path, err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		s.fail(w, r, r.URL.Path, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", "attachment")
	h.Set("Cache-Control", "no-store")
	h.Set("ETag", `"`+v.Files[at].SHA256+`"`)
	http.ServeContent(w, r, "", info.ModTime(), f)
}
