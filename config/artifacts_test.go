package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestArtifacts(t *testing.T) {
	for given, want := range map[string]string{
		"":               filepath.Join("/srv/data", "artifacts"),
		"/mnt/artifacts": "/mnt/artifacts", "file:///mnt/artifacts": "/mnt/artifacts",
		"s3://b?region=eu-west-1&ssetype=aws:kms&kmskeyid=k": "s3://b?region=eu-west-1&ssetype=aws:kms&kmskeyid=k",
	} {
		s, err := resolve(ServerFlags{Data: "/srv/data", Artifacts: given, KeepArtifacts: "45d"}, enough(), nil)
		if err != nil || s.Artifacts.URL != want || s.Artifacts.Keep != 45*24*time.Hour {
			t.Errorf("%q: %+v, %v", given, s, err)
		}
	}
	for name, c := range map[string]struct{ place, keep, want string }{
		"another service":      {"gs://b", "", `"gs://" is not known`},
		"no bucket":            {"s3://?region=x", "", "not the address of a bucket"},
		"credentials":          {"s3://key:secret@b", "", "credentials come from AWS's own settings"},
		"a path":               {"s3://b/folder", "", "prefix="},
		"a parameter":          {"s3://b?color=red", "", `"color" is not known`},
		"a parameter twice":    {"s3://b?region=a&region=b", "", "region is there twice"},
		"an encryption":        {"s3://b?ssetype=rot13", "", `ssetype "rot13" is not known`},
		"a key without a type": {"s3://b?kmskeyid=k", "", "kmskeyid without ssetype=aws:kms"},
		"too short a time":     {"", "1h", "--keep-artifacts"},
		"no time":              {"", "soon", "--keep-artifacts"},
	} {
		_, err := resolve(ServerFlags{Artifacts: c.place, KeepArtifacts: c.keep}, enough(), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v tells a secret", name, err)
		}
	}
}
