package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Artifacts is where what builds hand on is kept, and for how long.
type Artifacts struct {
	// URL is the absolute path of a folder, or s3://bucket with parameters.
	URL string
	// Keep is how long an artifact is kept that nothing needs, at least a day.
	Keep time.Duration
}

// bucketParameters are what the address of a bucket may have after its question mark.
func bucketParameters() []string {
	return []string{
		"accelerate", "disable_https", "dualstack", "endpoint", "fips", "hostname_immutable", "kmskeyid", "prefix", "profile", "rate_limiter_capacity",
		"region", "request_checksum_calculation", "response_checksum_validation", "role", "ssetype", "use_path_style",
	}
}

// artifacts reads the address of the store; by default it is a folder in the data folder.
func (r *resolver) artifacts(field, data string) string {
	text := r.text(field)
	scheme, rest, isURL := strings.Cut(text, "://")
	switch {
	case text == "":
		return filepath.Join(data, "artifacts")
	case !isURL || scheme == "file":
		if isURL {
			text = rest
		}
		abs, err := filepath.Abs(text)
		if err != nil || text == "" {
			r.wrong(field, fmt.Sprintf("%.80q is no folder", text), "name a folder, or s3://bucket?region=…")
		}
		return abs
	case scheme == "s3":
		r.bucket(field, text)
		return text
	}
	r.wrong(field, fmt.Sprintf("%.40q is not known", scheme+"://"), "name a folder, or s3://bucket?region=…")
	return ""
}

// bucket checks the address of a bucket.
func (r *resolver) bucket(field, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
		r.wrong(field, "not the address of a bucket", "write s3://bucket?region=eu-west-1; credentials come from AWS's own settings, a folder in the bucket is prefix=…")
		return
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		r.wrong(field, "its parameters cannot be read", "write s3://bucket?region=eu-west-1&ssetype=aws:kms&kmskeyid=…")
	}
	for name, values := range q {
		switch known := bucketParameters(); {
		case !slices.Contains(known, name):
			r.wrong(field, fmt.Sprintf("the parameter %.40q is not known", name), "it may be "+strings.Join(known, ", "))
		case len(values) > 1:
			r.wrong(field, "the parameter "+name+" is there twice", "write it once")
		}
	}
	if kind := q.Get("ssetype"); kind != "" && !slices.Contains([]string{"AES256", "aws:kms", "aws:kms:dsse"}, kind) {
		r.wrong(field, fmt.Sprintf("ssetype %.40q is not known", kind), "it is AES256, aws:kms or aws:kms:dsse")
	}
	if q.Get("kmskeyid") != "" && !strings.HasPrefix(q.Get("ssetype"), "aws:kms") {
		r.wrong(field, "kmskeyid without ssetype=aws:kms", "add ssetype=aws:kms, or the key is not used")
	}
}

// keep reads how long something is kept.
func (r *resolver) keep(field string, fallback, least time.Duration) time.Duration {
	text := r.text(field)
	if text == "" {
		return fallback
	}
	d, ok := ParseDuration(text)
	if !ok || d < least {
		r.wrong(field, fmt.Sprintf("%.40q is no time, or too short", text), "write at least "+strconv.Itoa(int(least/time.Hour))+"h, such as 30d")
		return fallback
	}
	return d
}
