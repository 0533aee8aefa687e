package tagging

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseVersion(t *testing.T) {
	good := map[string]Version{
		"0.1.0":                     {Minor: 1},
		"1.4.0":                     {Major: 1, Minor: 4},
		"10.20.30":                  {Major: 10, Minor: 20, Patch: 30},
		"1.0.202611211130":          {Major: 1, Patch: 202611211130},
		"1.4.0-hotfix-17":           {Major: 1, Minor: 4, Hotfix: "17"},
		"1.4.0-hotfix-ABC-12":       {Major: 1, Minor: 4, Hotfix: "ABC-12"},
		"1.4.0-hotfix-hotfix-3":     {Major: 1, Minor: 4, Hotfix: "hotfix-3"},
		"1.4.0-hotfix-1234567-0f3c": {Major: 1, Minor: 4, Hotfix: "1234567-0f3c"},
	}
	for text, want := range good {
		got, err := ParseVersion(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParseVersion(%q) = %+v, %v, printed %q; want %+v", text, got, err, got, want)
		}
	}
	bad := map[string]string{ // the text, and what the message must say about it
		"":                         "it is empty",
		"v1.4.0":                   `begins with a "v"`,
		"V1.4.0":                   `begins with a "v"`,
		"1.4":                      "2 parts and not three",
		"1":                        "1 part and not three",
		"1.4.0.1":                  "4 parts and not three",
		"1.04.0":                   `"04" has a leading zero`,
		"00.4.0":                   `"00" has a leading zero`,
		"1..0":                     "a number is missing",
		"1.4.x":                    `"x" is not a number`,
		"1.-4.0":                   `"-4" is not a number`,
		"1.+4.0":                   `"+4" is not a number`,
		" 1.4.0":                   `" 1" is not a number`,
		"1.4.0\n":                  `"0\n" is not a number`,
		"١.4.0":                    "is not a number",
		"1.4.1000000000000":        "too large",
		"1.4.18446744073709551616": "too large",
		"1.4.0-rc.1":               "4 parts",
		"1.4.0-rc1":                `"0-rc1" is not a number`,
		"1.4.0+build":              `"0+build" is not a number`,
		"1.4.0-hotfix-":            "ID is missing",
		"1.4.0-hotfix-a b":         `holds the character ' '`,
		"1.4.0-hotfix-17-3f2a9c1":  "ends like a revision",
		"1.4.0-hotfix-" + strings.Repeat("x", 41): "too long",
	}
	for text, say := range bad {
		_, err := ParseVersion(text)
		if err == nil || !strings.Contains(err.Error(), say) || strings.Contains(err.Error(), "\n") {
			t.Errorf("ParseVersion(%q): error %q; want one line that says %q", text, err, say)
		}
	}
	if _, err := ParseReleaseVersion("1.4.0-hotfix-17"); err == nil {
		t.Error("ParseReleaseVersion took the version of a hotfix")
	}
}

func genVersion() *rapid.Generator[Version] {
	number := rapid.OneOf(rapid.Uint64Range(0, 20), rapid.Uint64Range(0, maxNumber))
	return rapid.Custom(func(t *rapid.T) Version {
		v := Version{Major: number.Draw(t, "major"), Minor: number.Draw(t, "minor"), Patch: number.Draw(t, "patch")}
		if rapid.Bool().Draw(t, "suffixed") {
			v.Hotfix = HotfixID(genOriginal().Draw(t, "hotfix"))
		}
		return v
	})
}

func TestVersionsParseBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := genVersion().Draw(t, "version")
		if got, err := ParseVersion(v.String()); err != nil || got != v {
			t.Fatalf("%+v prints %q, which parses to %+v, %v", v, v, got, err)
		}
		pattern, err := ParseTagPattern(rapid.SampledFrom([]string{"v{ReleaseVersion}", "{ReleaseVersion}", "api/v{ReleaseVersion}", "r{ReleaseVersion}-final"}).Draw(t, "pattern"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pattern.Parse(pattern.Print(v)); err != nil || got != v {
			t.Fatalf("%+v makes the git tag %q, which parses to %+v, %v", v, pattern.Print(v), got, err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var got Version
		if err := json.Unmarshal(text, &got); err != nil || got != v {
			t.Fatalf("%+v marshals to %s, which unmarshals to %+v, %v", v, text, got, err)
		}
	})
}

func TestBumpRaisesOnePart(t *testing.T) {
	v := Version{Major: 1, Minor: 4, Patch: 2, Hotfix: "17"}
	for part, want := range map[Bump]string{Patch: "1.4.3", Minor: "1.5.0", Major: "2.0.0"} {
		if got, err := v.Bump(part); err != nil || got.String() != want {
			t.Errorf("%s bumped by %s = %s, %v; want %s", v, part, got, err, want)
		}
	}
	for _, part := range []Bump{"", "huge"} {
		if got, err := v.Bump(part); err == nil {
			t.Errorf("%s bumped by %q = %s; want an error", v, part, got)
		}
	}
	if got, err := (Version{Patch: maxNumber}).Bump(Patch); err == nil {
		t.Errorf("the largest version bumped = %s; want an error, for it would not parse back", got)
	}
}

func FuzzParseVersion(f *testing.F) {
	for _, s := range []string{"1.4.0", "v1.4.0", "1.4.0-hotfix-17", "01.2.3", "1.2", "1.2.3.4", "1.4.0-hotfix-17-3f2a9c1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVersion(s)
		if err == nil && v.String() != s {
			t.Errorf("%q parses to %+v, which prints %q", s, v, v)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b") {
			t.Errorf("the error about %q is not one clean line: %q", s, err)
		}
	})
}
