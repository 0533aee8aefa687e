package appspec

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// remote is a host that is reached by SSH. It needs a POSIX shell, tar, and GNU find and mv there. In dir is what a folder
// has: revisions and state.json. With a root, blue, green and live are in it, as in a folder; without, / itself is deployed
// to, in place.
type remote struct {
	machine *machine
	starter *starter
	dir     string // on the machine
	root    string // on the machine; empty: /
	bundles string // here: bundles by deployment
}

// side is the folder of a side, without a slash at its end; empty: /.
func (r *remote) side(s sideName) string {
	if r.root == "" {
		return ""
	}
	return r.root + "/" + string(s)
}

func (r *remote) load(ctx context.Context) (hostState, error) {
	state := newHostState()
	script := fmt.Sprintf("set -e\nmkdir -p %s\ncat %s 2>/dev/null || :\n", quote(r.dir+"/revisions"), quote(r.dir+"/state.json"))
	if r.root != "" {
		script = fmt.Sprintf("mkdir -p %s %s\n[ -L %s ] || ln -s blue %s\n", quote(r.side(blue)), quote(r.side(green)), quote(r.root+"/live"), quote(r.root+"/live")) +
			script + fmt.Sprintf("echo\nreadlink %s\n", quote(r.root+"/live"))
	}
	out, err := r.machine.shell(ctx, script, nil)
	if err != nil {
		return state, err
	}
	if r.root != "" {
		text := strings.TrimRight(out, "\n")
		cut := strings.LastIndexByte(text, '\n')
		state.Live, out = sideName(text[cut+1:]), text[:max(cut, 0)]
	}
	live := state.Live
	if strings.TrimSpace(out) != "" {
		if err := json.Unmarshal([]byte(out), &state); err != nil {
			return state, fmt.Errorf("%s/state.json: %w", r.dir, err)
		}
	}
	if r.root != "" {
		state.Live = live // the link is what counts
	}
	return state, nil
}

func (r *remote) save(ctx context.Context, s hostState) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	next, file := quote(r.dir+"/.state-new"), quote(r.dir+"/state.json")
	_, err = r.machine.shell(ctx, fmt.Sprintf("set -e\ncat > %s\nsync %s 2>/dev/null || sync\nmv -f %s %s\n%s", next, next, next, file, syncScript(r.dir)), strings.NewReader(string(b)))
	return err
}

func (r *remote) download(ctx context.Context, id, bundle string) error {
	to, tmp := quote(r.dir+"/revisions/"+id), quote(r.dir+"/revisions/.new-"+id)
	out, err := r.machine.shell(ctx, fmt.Sprintf("[ ! -d %s ] || echo there\n", to), nil)
	if err != nil || strings.TrimSpace(out) == "there" {
		return err
	}
	reader, writer := io.Pipe()
	var packing sync.WaitGroup
	packing.Go(func() { _ = writer.CloseWithError(pack(ctx, writer, bundle)) })
	ctx, cancel := context.WithTimeoutCause(ctx, bundleTime, fmt.Errorf("the bundle was not brought to the host within %s", bundleTime))
	defer cancel()
	_, err = r.machine.ask(ctx, fmt.Sprintf("set -e\nrm -rf %s\nmkdir -p %s\ntar -xpf - -C %s\n"+
		"find %s ! -type l -exec sync {} + 2>/dev/null || sync\nmv %s %s\n%s", tmp, tmp, tmp, tmp, tmp, to, syncScript(r.dir+"/revisions")), reader)
	err = errors.Join(err, reader.Close())
	packing.Wait()
	return err
}

// pack writes a folder as a tar archive.
func pack(ctx context.Context, w io.Writer, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	t := tar.NewWriter(w)
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return errors.Join(err, ctx.Err())
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		to := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if to, err = root.Readlink(name); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(info, to)
		if err != nil {
			return err
		}
		h.Name, h.Uid, h.Gid, h.Uname, h.Gname = name, 0, 0, "", ""
		if err := t.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
			return err
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(t, f)
		return errors.Join(err, f.Close())
	})
	return errors.Join(err, t.Close())
}

// install finds out all that is on the host, decides here, and carries it out there by one script.
func (r *remote) install(ctx context.Context, at sideName, rev revision, known []string, note func([]string) error) error {
	bundle, err := os.OpenRoot(r.bundles + "/" + rev.Deployment)
	if err != nil {
		return err
	}
	defer bundle.Close()
	items, err := rev.Spec.expand(bundle)
	if err != nil {
		return err
	}
	kinds, err := r.kinds(ctx, at, items)
	if err != nil {
		return err
	}
	items, err = rev.Spec.settle(func(name string) (kind, error) { return kinds[name], nil }, items, known)
	if err != nil {
		return err
	}
	in := installation{rev.Spec, items, known}
	if err := note(union(known, in.targets())); err != nil {
		return err
	}
	script, err := r.putScript(in, bundle, r.side(at), rev.Deployment)
	if err != nil {
		return err
	}
	if _, err := r.machine.shell(ctx, script, nil); err != nil {
		return err
	}
	if err := r.permit(ctx, rev.Spec, r.side(at)); err != nil {
		return err
	}
	if _, err := r.machine.shell(ctx, syncScript(in.touched(r.side(at))...), nil); err != nil { // what is noted has to be on disk
		return err
	}
	return note(in.targets())
}

// touched are the files that an installation brings below a root, and the folders in which something comes or goes. Links are their
// folders'.
func (in installation) touched(root string) []string {
	files := map[string]bool{}
	for _, i := range in.items {
		files[root+"/"+i.target] = i.mode&fs.ModeSymlink == 0
		files[path.Dir(root+"/"+i.target)] = true
	}
	for _, name := range in.before {
		files[path.Dir(root+"/"+name)] = true
	}
	maps.DeleteFunc(files, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(files))
}

// syncScript is a script that waits until files and folders are on disk; what is gone by then does no harm. Where sync takes no
// names, it waits for all there is.
func syncScript(names ...string) string {
	var b strings.Builder
	for chunk := range slices.Chunk(names, 100) {
		b.WriteString("sync")
		for _, name := range chunk {
			b.WriteString(" " + quote(name))
		}
		b.WriteString(" 2>/dev/null || sync\n")
	}
	return b.String()
}

// kinds looks at the targets of all items.
func (r *remote) kinds(ctx context.Context, at sideName, items []item) (map[string]kind, error) {
	var list strings.Builder
	for _, i := range items {
		if strings.ContainsRune(i.target, '\n') {
			return nil, fmt.Errorf("/%q: a name with a line break cannot be brought to a host by SSH", i.target)
		}
		list.WriteString(r.side(at) + "/" + i.target + "\n")
	}
	if len(items) == 0 {
		return nil, nil
	}
	out, err := r.machine.shell(ctx, `while IFS= read -r p; do
if [ -L "$p" ] && [ -d "$p" ]; then echo l
elif [ -L "$p" ]; then echo f
elif [ -d "$p" ]; then echo d
elif [ -e "$p" ]; then echo f
else echo -
fi
done`, strings.NewReader(list.String()))
	if err != nil {
		return nil, err
	}
	lines := strings.Fields(out)
	if len(lines) != len(items) {
		return nil, fmt.Errorf("the host told of %d of %d files", len(lines), len(items))
	}
	kinds := map[string]kind{}
	for n, i := range items {
		kinds[i.target] = kind(lines[n])
	}
	return kinds, nil
}

// putScript is a script that installs, as installation.carryOut does. root is the side's folder.
func (r *remote) putScript(in installation, bundle *os.Root, root, id string) (string, error) {
	var b strings.Builder
	b.WriteString("set -e\numask 022\n")
	keep := map[string]bool{}
	for _, i := range in.items {
		keep[i.target] = true
		target := root + "/" + i.target
		tmp := path.Join(path.Dir(target), ".sluice-new-"+path.Base(target))
		if i.mode.IsDir() {
			fmt.Fprintf(&b, "mkdir -p %s\n", quote(target))
			continue
		}
		fmt.Fprintf(&b, "mkdir -p %s\nrm -f %s\n", quote(path.Dir(target)), quote(tmp))
		switch {
		case i.mode&fs.ModeSymlink != 0:
			to, err := bundle.Readlink(i.source)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "ln -s -- %s %s\n", quote(to), quote(tmp))
		case i.mode.IsRegular():
			mode := "644"
			if i.mode&0o111 != 0 {
				mode = "755"
			}
			fmt.Fprintf(&b, "cp %s %s\nchmod %s %s\n", quote(r.dir+"/revisions/"+id+"/"+i.source), quote(tmp), mode, quote(tmp))
		default:
			return "", fmt.Errorf("%s:%d: %s is no file, folder or link", in.spec.File, i.line, i.source)
		}
		fmt.Fprintf(&b, "mv -fT %s %s\n", quote(tmp), quote(target))
	}
	gone := slices.Clone(in.before)
	slices.Sort(gone)
	slices.Reverse(gone)
	for _, name := range gone {
		if target := quote(root + "/" + name); !keep[name] {
			fmt.Fprintf(&b, "if [ -d %s ] && [ ! -L %s ]; then rmdir %s 2>/dev/null || :; else rm -f %s; fi\n", target, target, target, target)
		}
	}
	return b.String(), nil
}

// permit applies the permissions of a spec, as the function of that name does on a folder.
func (r *remote) permit(ctx context.Context, s *Spec, root string) error {
	for _, p := range s.Permissions {
		object := root + p.Object
		out, err := r.machine.shell(ctx, fmt.Sprintf("o=%s\n[ -e \"$o\" ] || { echo 'it is not on the host after the installation' >&2; exit 1; }\n"+
			"if [ -d \"$o\" ]; then find \"$o/\" -mindepth 1 ! -type l -printf '%%y %%P\\0'; else echo file; fi\n", quote(object)), nil)
		if err != nil {
			return fmt.Errorf("%s:%d: permissions of %s: %w", s.File, p.Line, p.Object, err)
		}
		names, folders := []string{object}, map[string]bool{}
		if strings.TrimSpace(out) != "file" {
			names, folders[object] = nil, true
			if p.whole() {
				names = append(names, object)
			}
			for entry := range strings.SplitSeq(strings.TrimRight(out, "\x00"), "\x00") {
				is, below, ok := strings.Cut(entry, " ")
				if ok && p.takes(below, is == "d") {
					names = append(names, object+"/"+below)
					folders[object+"/"+below] = is == "d"
				}
			}
		}
		var b strings.Builder
		b.WriteString("set -e\n")
		for _, name := range names {
			if p.Owner != "" || p.Group != "" {
				owner := p.Owner
				if p.Group != "" {
					owner += ":" + p.Group
				}
				fmt.Fprintf(&b, "chown -h %s %s\n", quote(owner), quote(name))
			}
			chmod := ""
			if p.HasMode {
				chmod = fmt.Sprintf("chmod %04o %s\n", p.Mode, quote(name))
			}
			if len(p.ACL) > 0 {
				chmod = setfacl(p.ACL, quote(name), folders[name], chmod)
			}
			b.WriteString(chmod)
		}
		if _, err := r.machine.shell(ctx, b.String(), nil); err != nil {
			return fmt.Errorf("%s:%d: permissions of %s: %w", s.File, p.Line, p.Object, err)
		}
	}
	return nil
}

// run runs a script of a bundle. When the time is up its process group is ended there.
func (r *remote) run(ctx context.Context, x execution) (last string, err error) {
	l, s, err := r.machine.session(ctx)
	if err != nil {
		return "", err
	}
	defer s.Close()
	mark := "sluice-" + rand.Text()
	s.Stdin = strings.NewReader(r.runScript(x, mark))
	out, err := s.StdoutPipe()
	if err != nil {
		return "", err
	}
	late := time.AfterFunc(dialTime, l.drop)
	err = s.Start("/bin/sh -s")
	late.Stop()
	if err != nil {
		return "", r.machine.failure(ctx, l, err)
	}
	group, read := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(read)
		in := bufio.NewReaderSize(out, maxLine)
		first, _ := in.ReadSlice('\n')
		group <- strings.TrimPrefix(strings.TrimSpace(string(first)), mark+" ")
		last = r.starter.copy(in, x.prefix)
	}()
	var exit error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		exit = s.Wait()
	}()
	over := time.NewTimer(x.timeout)
	defer over.Stop()
	select {
	case <-ended:
		err = r.machine.failure(context.WithoutCancel(ctx), l, exit)
	case <-over.C:
		err = &scriptError{ScriptTimedOut, fmt.Sprintf("it took longer than %s and was ended", x.timeout)}
		r.endGroup(group)
	case <-ctx.Done():
		err = context.Cause(ctx)
		r.endGroup(group)
	}
	// What it left running may hold the output, and a machine that is told to close it may not do so.
	defer time.AfterFunc(outputGrace, func() { _ = s.Close() }).Stop()
	defer time.AfterFunc(outputGrace+dialTime, l.drop).Stop()
	<-read
	<-ended
	return last, remoteError(err)
}

// remoteError says in CodeDeploy's words how a script ended.
func remoteError(err error) error {
	var exit *ssh.ExitError
	var lost *lostError
	switch {
	case errors.As(err, &lost):
		return &scriptError{UnknownError, lost.text + "; whether the script did its work is not known"}
	case !errors.As(err, &exit):
		return err
	case exit.Signal() != "":
		return &scriptError{ScriptFailed, "ended by " + exit.Signal()}
	case exit.ExitStatus() == statusMissing:
		return &scriptError{ScriptMissing, "the revision has no such file"}
	case exit.ExitStatus() == 126:
		return &scriptError{ScriptNotExecutable, "exit status 126"}
	}
	return &scriptError{ScriptFailed, fmt.Sprintf("exit status %d", exit.ExitStatus())}
}

// statusMissing is the status of runScript when there is no script: one that hardly a script has of its own.
const statusMissing = 222

// runScript is what starts a script on the machine. Its first line of output is the mark and the process group.
func (r *remote) runScript(x execution, mark string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "exec 2>&1\nread -r a b c d group rest < /proc/$$/stat\necho %s \"$group\"\n", mark)
	fmt.Fprintf(&b, "cd %s && [ -f %s ] || exit %d\nchmod +x %s || exit 126\n", quote(r.dir+"/revisions/"+x.bundle), quote(x.script.Location),
		statusMissing, quote(x.script.Location))
	words := []string{"exec", quote("./" + x.script.Location)}
	env := append(slices.Clone(x.env), "SLUICE_HOST_ROOT="+r.side(x.side))
	if x.script.RunAs != "" {
		words = []string{"exec", "runuser", "-u", quote(x.script.RunAs), "--", quote("./" + x.script.Location)}
	}
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		fmt.Fprintf(&b, "export %s=%s\n", name, quote(value))
	}
	b.WriteString(strings.Join(words, " ") + " </dev/null\n")
	return b.String()
}

// endGroup ends a process group on the machine: SIGTERM, and SIGKILL after a grace.
func (r *remote) endGroup(group <-chan string) {
	select {
	case id := <-group:
		if n, err := strconv.Atoi(id); err != nil || n < 2 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*scriptGrace)
		defer cancel()
		_, _ = r.machine.shell(ctx, fmt.Sprintf("kill -TERM -%s\nn=0\nwhile kill -0 -%s && [ $n -lt %d ]; do sleep 0.1; n=$((n+1)); done 2>/dev/null\nkill -KILL -%s\n",
			id, id, int(scriptGrace/(100*time.Millisecond)), id), nil)
	case <-time.After(dialTime):
	}
}

func (r *remote) allow(ctx context.Context, to sideName) error {
	next := quote(r.root + "/.live-new")
	_, err := r.machine.shell(ctx, fmt.Sprintf("set -e\nrm -f %s\nln -s %s %s\nmv -fT %s %s\n%s", next, to, next, next,
		quote(r.root+"/live"), syncScript(r.root)), nil)
	return err
}

// serve is as host says; the file is below the root, where there is one.
func (r *remote) serve(ctx context.Context, file string, on bool) error {
	name := quote(r.root + file)
	script := "rm -f " + name + "\n"
	if on {
		script = fmt.Sprintf("set -e\numask 022\nmkdir -p %s\n: > %s\n", quote(path.Dir(r.root+file)), name)
	}
	_, err := r.machine.shell(ctx, script, nil)
	return err
}

func (r *remote) sweep(variable string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, _ = r.machine.shell(ctx, fmt.Sprintf("for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ 2>/dev/null | grep -qxF -e %s && kill -KILL ${p#/proc/}; done\n", quote(variable)), nil)
}

func (r *remote) keep(ctx context.Context, ids []string) error {
	script := fmt.Sprintf("cd %s || exit 0\nfor d in * .new-*; do case $d in\n", quote(r.dir+"/revisions"))
	for _, id := range ids {
		script += quote(id) + ") ;;\n"
	}
	_, err := r.machine.shell(ctx, script+"*) rm -rf -- \"$d\" ;;\nesac; done\n", nil)
	return err
}

// clock asks for the time there; half of the way is taken off.
func (r *remote) clock(ctx context.Context) (time.Duration, error) {
	asked := time.Now()
	out, err := r.machine.shell(ctx, "date +%s\n", nil)
	if err != nil {
		return 0, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the time of the host: %w", err)
	}
	return time.Unix(seconds, 0).Sub(asked.Add(time.Since(asked) / 2)), nil
}

func (r *remote) close() { r.machine.close() }
