package web

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed ui
var ui embed.FS

// page serves the embedded page. Every path that is not a file is the page
// itself, which reads the address.
func page() http.Handler {
	files, err := fs.Sub(ui, "ui")
	if err != nil {
		panic(err)
	}
	serve := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the page is only read", http.StatusMethodNotAllowed)
			return
		}
		if _, err := fs.Stat(files, r.URL.Path[1:]); err != nil || r.URL.Path == "/" {
			http.ServeFileFS(w, r, files, "index.html")
			return
		}
		serve.ServeHTTP(w, r)
	})
}
