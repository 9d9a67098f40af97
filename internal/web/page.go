package web

import (
	"bytes"
	"embed"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

//go:embed ui
var ui embed.FS

// remark is a line of a script that nothing but a reader of the sources needs.
// Its end stays, so that places in the script stay what they are.
var remark = regexp.MustCompile(`(?m)^\t*//.*$`)

// page serves the embedded page. Every path that is not a file is the page
// itself, which reads the address.
func page() http.Handler {
	files := map[string][]byte{}
	err := fs.WalkDir(ui, "ui", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := ui.ReadFile(p)
		if path.Ext(p) == ".js" {
			b = remark.ReplaceAll(b, nil)
		}
		files[strings.TrimPrefix(p, "ui")] = b
		return err
	})
	if err != nil {
		panic(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the page is only read", http.StatusMethodNotAllowed)
			return
		}
		name := r.URL.Path
		if files[name] == nil {
			name = "/index.html"
		}
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(files[name]))
	})
}
