package webhooks_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/webhooks"
)

func TestScan(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want webhooks.IDs
	}{
		"both":                             {`{"installation":{"id":7},"repository":{"id":42}}`, webhooks.IDs{Installation: 7, Repository: 42}},
		"with blanks everywhere":           {" {\n\"installation\" : { \"id\" : 7 } ,\t\"repository\":{\r\"id\": 42\n} } ", webhooks.IDs{Installation: 7, Repository: 42}},
		"among others":                     {`{"a":1,"repository":{"node_id":"x","id":42,"owner":{"id":5}},"sender":{"id":9}}`, webhooks.IDs{Repository: 42}},
		"no repository":                    {`{"installation":{"id":7},"account":{"id":1}}`, webhooks.IDs{Installation: 7}},
		"empty":                            {`{}`, webhooks.IDs{}},
		"nested ones do not count":         {`{"workflow_run":{"repository":{"id":5}},"x":[{"repository":{"id":6}}]}`, webhooks.IDs{}},
		"deeper in the repository":         {`{"repository":{"owner":{"id":5},"list":[{"id":6}],"x":{"y":{"id":7}}}}`, webhooks.IDs{}},
		"id after an object":               {`{"repository":{"owner":{"id":5},"id":42}}`, webhooks.IDs{Repository: 42}},
		"repository is an array":           {`{"repository":[{"id":5},"id",6]}`, webhooks.IDs{}},
		"repository is null":               {`{"repository":null}`, webhooks.IDs{}},
		"a text":                           {`{"repository":{"id":"42"}}`, webhooks.IDs{}},
		"an object":                        {`{"repository":{"id":{"id":42}}}`, webhooks.IDs{}},
		"a fraction":                       {`{"repository":{"id":42.0}}`, webhooks.IDs{}},
		"an exponent":                      {`{"repository":{"id":42e1}}`, webhooks.IDs{}},
		"negative":                         {`{"repository":{"id":-42}}`, webhooks.IDs{}},
		"the largest":                      {`{"repository":{"id":9223372036854775807}}`, webhooks.IDs{Repository: 9223372036854775807}},
		"larger than the largest":          {`{"repository":{"id":9223372036854775808}}`, webhooks.IDs{}},
		"twice: the last one counts":       {`{"repository":{"id":1,"id":2}}`, webhooks.IDs{Repository: 2}},
		"twice, the last one a text":       {`{"repository":{"id":1,"id":"2"}}`, webhooks.IDs{}},
		"two repositories":                 {`{"repository":{"id":1},"repository":{"id":2}}`, webhooks.IDs{Repository: 2}},
		"two repositories, one without id": {`{"repository":{"id":1},"repository":{"x":2}}`, webhooks.IDs{}},
		"two repositories, one null":       {`{"repository":{"id":1},"repository":null}`, webhooks.IDs{}},
		"key written with an escape":       {`{"re\u0070ository":{"\u0069d":42}}`, webhooks.IDs{Repository: 42}},
		"key with a broken escape":         {`{"re\ud800pository":{"id":42}}`, webhooks.IDs{}},
		"key in capitals":                  {`{"Repository":{"id":42}}`, webhooks.IDs{}},
		"quotes in a text":                 {`{"a":"\"repository\":{\"id\":5}","repository":{"id":42}}`, webhooks.IDs{Repository: 42}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := webhooks.Scan([]byte(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("IDs (-want +got):\n%s", diff)
			}
		})
	}
}

// Texts whose validity turns on one character, and the same at each of eight offsets: strings are looked through eight
// bytes at a time.
var texts = []string{
	``, ` `, `{`, `}`, `[`, `]`, `{]`, `[}`, `{}`, `[]`, `{}}`, `{}x`, `null`, `nul`, `true`, `tru`, `false`, `fals`, `truefalse`,
	`0`, `-0`, `-`, `01`, `1.`, `1.0`, `.5`, `1e`, `1e+`, `1e+5`, `1E-5`, `1.5e3`, `+1`, `0x1`, `1 2`, `--1`,
	`""`, `"`, `"\`, `"\"`, `"\u12"`, `"\u123g"`, `"\u1234"`, `"\x"`, `"\n\t\r\b\f\/\\\""`, "\"\x00\"", "\"\x1f\"", "\"\x20\"", "\"\x7f\"", "\"\xff\"", "\"\n\"",
	`{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{"a":1,"b":2}`, `{a:1}`, `{"a" : [1 , 2 , {"b":null}]}`, `[1,]`, `[,1]`, `[1 2]`, `[[]]`, `[{}]`, `{"a":[]}`, `{"a":{}}`,
	"\ufeff{}", "{}\x00", "\x00", "\v{}", "{}\n",
	`"aaaaaaa"`, "\"aaaaaaa\x01\"", "\"\xff\xff\xff\xff\xff\xff\xff\x1f\"", "\"\x80\x80\x80\x80\x21\x21\x21\x5d\x23\"",
}

func TestScanAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range texts {
		for offset := range 9 {
			agree(t, []byte(text))
			agree(t, []byte(strings.Repeat(" ", offset)+text))
			agree(t, []byte(`{"`+strings.Repeat("k", offset)+`":`+text+`}`))
			agree(t, []byte(`["`+strings.Repeat("k", offset)+text+`"]`))
		}
	}
	for _, n := range []int{9999, 10000, 10001} {
		agree(t, []byte(strings.Repeat("[", n)+strings.Repeat("]", n)))
		agree(t, []byte(strings.Repeat(`{"a":`, n)+`1`+strings.Repeat("}", n)))
		agree(t, []byte(strings.Repeat(`[{"a":`, n/2)+`1`+strings.Repeat("}]", n/2)))
	}
}

func FuzzScan(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"installation":{"id":7},"repository":{"id":42}}`))
	f.Add([]byte(`{"re\u0070ository":{"id":1e2},"repository":{"id":-0,"id":"7"}}`))
	f.Fuzz(func(t *testing.T, body []byte) { agree(t, body) })
}

// agree compares Scan with encoding/json. Objects are taken apart key by key: decoding into a struct would fold case
// and let an earlier value show through a later one.
func agree(t *testing.T, body []byte) {
	t.Helper()
	got, err := webhooks.Scan(body)
	if valid := json.Valid(body); valid != (err == nil || errors.Is(err, webhooks.ErrNotObject)) {
		t.Fatalf("%.100q: valid is %t, scan says %v", body, valid, err)
	} else if !valid {
		return
	}
	var members map[string]json.RawMessage
	object := json.Unmarshal(body, &members) == nil && members != nil
	if object != (err == nil) {
		t.Fatalf("%.100q: is an object: %t, scan says %v", body, object, err)
	}
	want := webhooks.IDs{Installation: idOf(members["installation"]), Repository: idOf(members["repository"])}
	if got != want {
		t.Fatalf("%.100q: got %+v, want %+v", body, got, want)
	}
}

func idOf(value json.RawMessage) int64 {
	var members map[string]json.RawMessage
	if json.Unmarshal(value, &members) != nil {
		return 0
	}
	id, err := strconv.ParseInt(string(members["id"]), 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

func TestScanDoesNotAllocate(t *testing.T) {
	body := []byte(`{"action":"x","installation":{"id":7},"repository":{"id":42,"name":"a\"b"},"list":[1,2.5e3,null,true]}`)
	if n := testing.AllocsPerRun(100, func() { _, _ = webhooks.Scan(body) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
