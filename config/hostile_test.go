package config

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile are files that were made to hurt, or that say something else than they seem to.
func hostile() map[string]struct{ file, want string } {
	nine := "version: 1\na: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'i'; c++ {
		nine += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+", ", 9), ", "))
	}
	longPath := strings.Builder{}
	for i := range 60 {
		fmt.Fprintf(&longPath, "%s%s:\n", strings.Repeat(" ", i), strings.Repeat("k", 120))
	}
	for range 2_400 {
		longPath.WriteString(strings.Repeat(" ", 60) + "- a\n")
	}
	return map[string]struct{ file, want string }{
		"nine levels of nine aliases":           {nine, "too many aliases"},
		"one alias":                             {"version: 1\napp: &a shop\nmode: *a\n", "too many aliases"},
		"merge key":                             {"version: 1\nfinish:\n  <<: {order: x}\n", "merge keys"},
		"100,000 nested lists":                  {strings.Repeat("[", 100_000), "too"},
		"100,000 nested lists behind a key":     {"version: " + strings.Repeat("[", 100_000), "too"},
		"65 nested lists":                       {"version: " + strings.Repeat("[", 65) + strings.Repeat("]", 65), "too deep"},
		"nested mappings":                       {"version: " + strings.Repeat("{a: ", 100) + strings.Repeat("}", 100), "too deep"},
		"nested dashes":                         {strings.Repeat("- ", 20_000) + "a", "too deep"},
		"nested question marks":                 {strings.Repeat("? ", 20_000) + "a", "too deep"},
		"nested by indentation":                 {indented(200), "too deep"},
		"brackets behind a quote in plain text": {"version: it's\nb: " + strings.Repeat("[", 1_000), "too deep"},
		"brackets behind a quote in a continued plain text": {"version: a\n  \"\nb: " + strings.Repeat("[", 1_000), "too deep"},
		"brackets in a comment's quote":                     {"version: 1 # it's\nb: " + strings.Repeat("[", 1_000), "too deep"},
		"brackets behind a block text":                      {"a: |\n  \"\nb: " + strings.Repeat("[", 1_000), "too deep"},
		"unknown key":                                       {"version: 1\nbranches:\n  prodution: main\n", `3:3: branches.prodution: unknown key (did you mean "production"?)`},
		"duplicate key":                                     {"version: 1\nbranches:\n  production: main\n  production: master\n", "given twice, in line 3 and in line 4"},
		"two documents":                                     {"version: 1\n---\nversion: 1\n", "2:1: more than one document"},
		"two documents, dots":                               {"version: 1\n...\nversion: 1\n", "3:1: more than one document"},
		"two documents, both marked":                        {"---\nversion: 1\n---\n", "3:1: more than one document"},
		"python tag":                                        {"version: !!python/object/apply:os.system [id]\n", "1:10: custom tag"},
		"local tag":                                         {"version: 1\napp: !x shop\n", "2:6: custom tag"},
		"directive":                                         {"%YAML 1.1\n---\nversion: 1\n", "1:1: YAML directives"},
		"more than 256 KiB":                                 {"version: 1\n#" + strings.Repeat("x", 256<<10), "larger than 256 KiB"},
		"1 MB":                                              {strings.Repeat("a", 1<<20), "larger than 256 KiB"},
		"10,001 items":                                      {"version: 1\na:\n" + strings.Repeat("- a\n", 10_001), "too many values"},
		"100,000 empty items":                               {"a:\n" + strings.Repeat("-\n", 100_000), "too many values"},
		"100,000 flow items":                                {"a: [" + strings.Repeat("a,", 100_000) + "]", "too many values"},
		"100,000 empty flow items":                          {"a: [" + strings.Repeat(",", 100_000) + "]", "too many values"},
		"a key of 200,000 bytes":                            {strings.Repeat("k", 200_000) + ": 1", "the key is longer than 128 bytes"},
		"a quoted key of 200,000 bytes":                     {`"` + strings.Repeat("k", 200_000) + `": 1`, "the key is longer than 128 bytes"},
		"long keys in each other":                           {longPath.String(), "unknown key"},
		"open quote":                                        {"version: 1\napp: \"" + strings.Repeat("x\n", 100_000), "2:6: the quoted text that begins here does not end"},
		"open bracket":                                      {"version: 1\napp: [a, b\nmode: observe\n", "2:6: the bracket that is opened here is not closed"},
		"open bracket, long":                                {"version: 1\napp: [" + strings.Repeat("x,", 9_000), "too many values"},
		"NUL":                                               {"version: 1\napp: a\x00b\n", `2:7: control character '\x00'`},
		"carriage return alone":                             {"version: 1\rmode: observe\n", `1:11: control character '\r'`},
		"not UTF-8":                                         {"version: 1\napp: \xff\n", "2:6: not UTF-8"},
		"text direction turned":                             {"version: 1\napp: \u202eabc\n", "2:6: invisible character U+202E"},
		"empty":                                             {"", "1:1: the file is empty"},
		"only comments":                                     {"# nothing\n\n", "the file is empty"},
		"only null":                                         {"null\n", "the file is empty"},
		"a list":                                            {"- version: 1\n", "1:1: want a mapping, got a list"},
		"a text":                                            {"hello\n", `1:1: want a mapping, got "hello"`},
		"number where text is needed":                       {"version: 1.10\n", `1:10: version: want 1, got "1.10"`},
		"a list as a key":                                   {"version: 1\n? [a, b]\n: c\n", "3:1: not YAML"},
		"5,000 unknown keys":                                {unknownKeys(5_000), "501:1: too many keys in one mapping"},
		"400 unknown keys":                                  {unknownKeys(400), "350 more errors"},
		"3,000 unknown keys in braces":                      {"{" + strings.ReplaceAll(unknownKeys(3_000), "\n", ",") + "}", "too many values"},
		"an env var that takes over":                        {"version: 1\npipelines: {feature: {stages: [{name: T, actions: [{name: a, uses: buildspec, env: {LD_PRELOAD: x}}]}]}}\n", "LD_PRELOAD may not be set"},
		"an env var in with":                                {"version: 1\npipelines: {feature: {stages: [{name: T, actions: [{name: a, uses: buildspec, with: {env: {path: x}}}]}]}}\n", "2:92: pipelines.feature.stages[0].actions[0].with.env.path: the variable path may not be set"},
		"an env var in an environment":                      {"version: 1\nenvironments: {staging: {deploy: {uses: image, with: {env: {GIT_SSH: x}}}}}\n", "GIT_SSH may not be set"},
		"a key of two lines":                                {"version: 1\n\"a\\nb: 1:1: ok\": 1\n", "2:1: a\uFFFDb: 1:1: ok: unknown key"},
		"a reference pasted into a command":                 {"version: 1\npipelines: {feature: {stages: [{name: T, actions: [{name: a, uses: buildspec, with: {run: \"echo #{sluice.branch} x\"}}]}]}}\n", "stands inside other text"},
	}
}

func indented(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func unknownKeys(n int) string {
	var b strings.Builder
	b.WriteString("version: 1\n")
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

func TestHostileFilesAreAnsweredAtOnce(t *testing.T) {
	const most = slower * 50 * time.Millisecond
	for name, c := range hostile() {
		t.Run(name, func(t *testing.T) {
			best := time.Hour
			var errs []*Error
			for range 5 { // a busy machine has cold caches, and helps the garbage collector: the best of a few counts
				best = min(best, worked(t, func() { _, errs = ParseRepo([]byte(c.file), Context{}) }))
				if best < most {
					break
				}
			}
			if best > most {
				t.Errorf("answered after %s of work, want at most %s", best, most)
			}
			var all []string
			for _, e := range errs {
				all = append(all, e.Error())
			}
			if got := strings.Join(all, "\n"); !strings.Contains(got, c.want) {
				t.Errorf("got %.600s\nwant it to contain %q", got, c.want)
			}
		})
	}
}

func TestHostileFilesCostLittleMemory(t *testing.T) {
	const most = 48 << 20 // bytes allocated in all, freed or not
	for name, c := range hostile() {
		t.Run(name, func(t *testing.T) {
			if got := allocated(func() { ParseRepo([]byte(c.file), Context{}) }); got > most {
				t.Errorf("allocated %d MiB, want at most %d", got>>20, most>>20)
			}
		})
	}
}

// allocated is how many bytes f allocates. Nothing else may run meanwhile.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The other files that people write are read as carefully as the repository's.
func TestHostileFilesOfOtherKinds(t *testing.T) {
	const mostMemory, mostWork = 96 << 20, slower * 100 * time.Millisecond
	r := mustParse(t, "version: 1\n", shop())
	own := []byte("version: 1\npipelines: { release: { extends: m.yml#service } }\n")
	for name, c := range hostile() {
		data := []byte(c.file)
		for kind, read := range map[string]func() int{
			"tests": func() int { _, errs := RunTests(data, TestsFileName, r, somebodyMay); return len(errs) },
			"the organization's": func() int {
				_, errs := ParseRepo([]byte("version: 1\n"), of(&Organization{Name: "acme/.github", File: data}))
				return len(errs)
			},
			"models": func() int {
				_, errs := ParseRepo(own, of(&Organization{Name: "acme/.github", Models: map[string][]byte{"m.yml": data}}))
				return len(errs)
			},
		} {
			t.Run(kind+", "+name, func(t *testing.T) {
				errs := 0
				best := time.Hour
				for range 3 {
					if best = min(best, worked(t, func() { errs = read() })); best < mostWork {
						break
					}
				}
				if best > mostWork {
					t.Errorf("answered after %s of work, want at most %s", best, mostWork)
				}
				if got := allocated(func() { read() }); got > mostMemory {
					t.Errorf("allocated %d MiB, want at most %d", got>>20, mostMemory>>20)
				}
				if errs == 0 {
					t.Error("it passed")
				}
			})
		}
	}
}
