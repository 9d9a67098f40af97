package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"hone"
)

const (
	mainFile    = "hone.yaml"
	modelFolder = "models"
)

// maxText is the size of the largest configuration, all of its files together.
const maxText = 8 << 20

// File is one file of a configuration. Its name stands from the folder of the
// configuration on, with slashes: hone.yaml, models/fraud.yaml.
type File struct {
	Name string
	Text string
}

// marker is the line above each file where several are one text.
var marker = regexp.MustCompile(`(?m)^-- (\S+) --$`)

// Join writes a configuration as one text: a single file as it stands, several
// each under a line such as -- models/fraud.yaml --, in the order given.
func Join(files []File) string {
	if len(files) == 1 && files[0].Name == mainFile {
		return files[0].Text
	}
	var b strings.Builder
	for _, f := range files {
		b.WriteString("-- " + f.Name + " --\n" + f.Text)
		if f.Text != "" && !strings.HasSuffix(f.Text, "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// Split parts a text that Join wrote into its files. What does not begin with
// the name of a file is hone.yaml alone.
func Split(text string) []File {
	at := marker.FindAllStringSubmatchIndex(text, -1)
	if len(at) == 0 || at[0][0] != 0 {
		return []File{{mainFile, text}}
	}
	var out []File
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		out = append(out, File{text[m[2]:m[3]], strings.TrimPrefix(text[m[1]:end], "\n")})
	}
	return out
}

// modelOfFile returns the model that a file in models/ holds, or "".
func modelOfFile(name string) string {
	rest, inside := strings.CutPrefix(name, modelFolder+"/")
	model, yaml := strings.CutSuffix(rest, ".yaml")
	if !inside || !yaml || model == "" || strings.Contains(model, "/") {
		return ""
	}
	return model
}

// checkFiles refuses a set of files that no folder could hold, or that would
// not be the same once joined and split.
func checkFiles(files []File) *Problem {
	size := 0
	for i, f := range files {
		size += len(f.Text)
		if i == 0 && f.Name != mainFile {
			return &Problem{File: f.Name, Line: 1, Column: 1, Message: "the first file is not hone.yaml", Hint: "put hone.yaml before the models"}
		}
		if i > 0 && modelOfFile(f.Name) == "" {
			return &Problem{File: f.Name, Line: 1, Column: 1, Message: "this is no file of a configuration", Hint: "beside hone.yaml there are models/NAME.yaml"}
		}
		if i > 1 && f.Name <= files[i-1].Name {
			return &Problem{File: f.Name, Line: 1, Column: 1, Message: "the file is not in its place", Hint: "write each file once, by name"}
		}
		if m := marker.FindStringIndex(f.Text); m != nil {
			return &Problem{File: f.Name, Line: 1 + strings.Count(f.Text[:m[0]], "\n"), Column: 1,
				Message: "a line such as -- name -- parts the files of a configuration", Hint: "write it otherwise"}
		}
	}
	if size > maxText {
		return &Problem{File: mainFile, Line: 1, Column: 1, Message: "the files have more than 8 MiB together"}
	}
	return nil
}

// read reads the file at path, and where it is called hone.yaml, or a folder
// that has one, the models beside it, by name. It returns where the first lies.
func read(at string) ([]File, string, error) {
	if info, err := os.Stat(at); err == nil && info.IsDir() {
		at = filepath.Join(at, mainFile)
	}
	text, err := readFile(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, at, &hone.Error{Code: hone.NotFound, Message: "there is no configuration at " + at,
			Hint: "name it with --config, or let `hone init` write one"}
	}
	if err != nil {
		return nil, at, unread(err)
	}
	files := []File{{mainFile, text}}
	if filepath.Base(at) != mainFile {
		return files, at, nil
	}
	entries, err := os.ReadDir(filepath.Join(filepath.Dir(at), modelFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, at, unread(err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		name, file := e.Name(), filepath.Join(filepath.Dir(at), modelFolder, e.Name())
		switch {
		case strings.HasPrefix(name, "."), e.IsDir():
			continue
		case path.Ext(name) == ".yml":
			return nil, at, Errors{{File: file, Line: 1, Column: 1, Message: "a file that ends in .yml is not read", Hint: "rename it to " + strings.TrimSuffix(name, ".yml") + ".yaml"}}
		case path.Ext(name) != ".yaml":
			continue
		}
		if text, err = readFile(file); err != nil {
			return nil, at, unread(err)
		}
		files = append(files, File{modelFolder + "/" + name, text})
	}
	return files, at, nil
}

func unread(err error) error {
	return &hone.Error{Code: hone.Invalid, Message: "cannot read the configuration: " + err.Error()}
}

// readFile reads one byte more than is allowed, so that Parse sees when there is
// too much.
func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	return string(text), err
}
