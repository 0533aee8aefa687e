package secretscan

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Keys are put together here, so that this file holds none.
var (
	awsKey    = "AKIA" + "Q3EGRIYWLKTGOPSA"
	githubKey = "ghp_" + "x7Kq29vLmWzT4hYbN8dRcF3sJ6uPaE1gQo5i"
)

func scanner(t *testing.T) *Scanner {
	t.Helper()
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPatch(t *testing.T) {
	s := scanner(t)
	tests := []struct {
		name, path, patch string
		want              []string // path:line rule
	}{
		{
			name: "an added line has its number in the new file", path: "deploy.env",
			patch: "@@ -10,3 +10,4 @@ func x\n a=1\n-b=2\n+b=3\n+AWS_ACCESS_KEY_ID=" + awsKey + "\n c=4",
			want:  []string{"deploy.env:12 aws-access-token"},
		},
		{
			name: "what was there before and what goes is not reported", path: "deploy.env",
			patch: "@@ -1,2 +1,2 @@\n AWS_ACCESS_KEY_ID=" + awsKey + "\n-TOKEN=" + githubKey + "\n+x=1",
		},
		{
			name: "every hunk counts for itself", path: "a.txt",
			patch: "@@ -1,0 +1,1 @@\n+one\n@@ -90,0 +91,2 @@\n+two\n+key = \"" + awsKey + "\"\n\\ No newline at end of file",
			want:  []string{"a.txt:92 aws-access-token"},
		},
		{
			name: "a comment of the author's allows nothing", path: "a.txt",
			patch: "@@ -0,0 +1 @@\n+key = \"" + awsKey + "\" # gitleaks:allow",
			want:  []string{"a.txt:1 aws-access-token"},
		},
		{
			name: "keys known from documentation are none", path: "README.md",
			patch: "@@ -0,0 +1 @@\n+aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
		},
		{
			name: "a private key of several lines", path: "id_rsa",
			patch: "@@ -0,0 +1,4 @@\n+\n+-----BEGIN RSA PRIVATE KEY-----\n+" + strings.Repeat("MIIEpAIBAAKCAQEA7Zq", 5) + "\n+-----END RSA PRIVATE KEY-----",
			want:  []string{"id_rsa:2 private-key"},
		},
		{name: "an empty patch", path: "a.txt", patch: "@@ -1 +0,0 @@\n-gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := s.Patch(context.Background(), tt.path, tt.patch)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				got = append(got, fmt.Sprintf("%s:%d %s", f.Path, f.Line, f.Rule))
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPatchThatIsNone(t *testing.T) {
	for _, patch := range []string{"no hunk", "@@ -1 +1 @@\n?what", "@@ -1 +99999999999999999999 @@\n+a"} {
		if _, err := scanner(t).Patch(context.Background(), "a", patch); err == nil {
			t.Errorf("patch %q was taken", patch)
		}
	}
}

// A finding names the secret without holding it, and by the same name wherever it stands.
func TestFindingHoldsNoSecret(t *testing.T) {
	s := scanner(t)
	here, err := s.File(context.Background(), "a.env", "\n\nKEY="+awsKey+"\n")
	if err != nil {
		t.Fatal(err)
	}
	there, err := s.Patch(context.Background(), "b/c.env", "@@ -0,0 +40 @@\n+OTHER="+awsKey)
	if err != nil {
		t.Fatal(err)
	}
	if len(here) != 1 || len(there) != 1 || here[0].Fingerprint != there[0].Fingerprint || here[0].Line != 3 || there[0].Line != 40 {
		t.Fatalf("got %+v and %+v", here, there)
	}
	if text := fmt.Sprintf("%+v", here); strings.Contains(text, awsKey) {
		t.Errorf("a finding holds the secret: %s", text)
	}
}

func TestLimits(t *testing.T) {
	s := scanner(t)
	if _, err := s.File(context.Background(), "big.txt", strings.Repeat("a", MaxText+1)); err == nil {
		t.Error("a text past the limit was taken")
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.File(ended, "a.txt", "key="+awsKey); err == nil {
		t.Error("a scan that was cut short said that it found nothing")
	}
	if found, err := s.File(context.Background(), "a.bin", "\x00"+awsKey); err != nil || len(found) > 0 {
		t.Errorf("binary content: %v %v", found, err)
	}
	if !s.Skips("logo.png") || s.Skips("main.go") {
		t.Error("pictures are skipped, code is not")
	}
}

// A breakdown of the library is an error, and says nothing of what it was reading.
func TestBreakdown(t *testing.T) {
	_, err := (&Scanner{}).File(context.Background(), "a.txt", "key="+awsKey)
	if err == nil || strings.Contains(err.Error(), awsKey) {
		t.Errorf("error %v", err)
	}
}

func FuzzPatch(f *testing.F) {
	f.Add("@@ -1,2 +1,3 @@\n a\n+b\n-c")
	f.Add("@@ -0,0 +1 @@\n+key=" + awsKey)
	f.Fuzz(func(t *testing.T, patch string) {
		found, err := passages(patch)
		if err != nil {
			return
		}
		for _, p := range found {
			for n := range p.added {
				if n >= strings.Count(p.text, "\n")+1 {
					t.Errorf("line %d is past the end of %q", n, p.text)
				}
			}
		}
	})
}
