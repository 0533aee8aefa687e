package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
)

// unpacked is an image on disk.
type unpacked struct {
	root   string
	config v1.Config
}

// unpack pulls an image and unpacks it, unless that was done before. The folder appears when it is whole.
func (e *Executor) unpack(ctx context.Context, ref, digest string) (unpacked, error) {
	dir := filepath.Join(e.o.Dir, "images", strings.TrimPrefix(digest, "sha256:"))
	u := unpacked{root: filepath.Join(dir, "rootfs")}
	ok, err := actiondir.ReadJSON(filepath.Join(dir, "config.json"), &u.config)
	if ok || err != nil {
		return u, err
	}
	img, err := e.o.Registry.Image(ctx, ref, v1.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH})
	if err != nil {
		return u, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return u, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return u, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".new-*")
	if err != nil {
		return u, err
	}
	defer os.RemoveAll(tmp)
	files := mutate.Extract(img)
	defer files.Close()
	if err := artifact.Untar(ctx, files, filepath.Join(tmp, "rootfs"), artifact.Limits{}); err != nil {
		return u, fmt.Errorf("unpack %s: %w", ref, err)
	}
	if err := actiondir.WriteJSON(filepath.Join(tmp, "config.json"), config.Config); err != nil {
		return u, err
	}
	u.config = config.Config
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return u, err
	}
	return u, nil
}

// command is the program with its arguments, as paths of this host, and its folder.
func (u unpacked) command() (args []string, dir string, err error) {
	args = append(slices.Clone(u.config.Entrypoint), u.config.Cmd...)
	if len(args) == 0 {
		return nil, "", executor.Permanentf("the image has neither entrypoint nor cmd")
	}
	root, err := os.OpenRoot(u.root)
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	program := ""
	for _, candidate := range u.candidates(args[0]) {
		info, err := root.Stat(candidate)
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			program = candidate
			break
		}
	}
	if program == "" {
		return nil, "", executor.Permanentf("the image has no program %s", args[0])
	}
	args[0] = filepath.Join(u.root, program)
	dir = filepath.Join(u.root, path.Clean("/"+u.config.WorkingDir))
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = u.root
	}
	return args, dir, nil
}

// candidates are the paths in the image, without leading slash, where a program may be.
func (u unpacked) candidates(program string) []string {
	if strings.Contains(program, "/") {
		if !path.IsAbs(program) {
			program = path.Join("/", u.config.WorkingDir, program)
		}
		return []string{strings.TrimPrefix(path.Clean(program), "/")}
	}
	search := "/usr/local/bin:/usr/bin:/bin"
	for _, v := range u.config.Env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			search = p
		}
	}
	var out []string
	for dir := range strings.SplitSeq(search, ":") {
		out = append(out, strings.TrimPrefix(path.Join("/", dir, program), "/"))
	}
	return out
}

// environ is the whole environment of a process. Later ones win.
func (u unpacked) environ(layers ...map[string]string) []string {
	env := map[string]string{}
	for _, v := range u.config.Env {
		if name, value, ok := strings.Cut(v, "="); ok {
			env[name] = value
		}
	}
	for _, l := range layers {
		maps.Copy(env, l)
	}
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if variableRE.MatchString(name) && !strings.ContainsRune(env[name], 0) {
			out = append(out, name+"="+env[name])
		}
	}
	return out
}
