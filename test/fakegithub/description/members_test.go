package description

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzMembers compares with package json, for what is valid JSON, and must not panic on the rest.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"b":[1,{"c":"}"}],"d":"\\\""}`, ` { "a" : null , "b\u00e4" : -1.5e3 } `, `{"a":{}}`, `[]`, `{"a"`, `{"a":tru`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := members(b)
		var want map[string]json.RawMessage
		if json.Unmarshal(b, &want) != nil || want == nil {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		decode := func(m map[string]json.RawMessage) map[string]any {
			out := map[string]any{}
			for k, v := range m {
				var x any
				if err := json.Unmarshal(v, &x); err != nil {
					t.Fatalf("%s: member %q is %q: %v", b, k, v, err)
				}
				out[k] = x
			}
			return out
		}
		if diff := cmp.Diff(decode(want), decode(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", b, diff)
		}
	})
}
