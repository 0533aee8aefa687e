// Package secretscan finds credentials in text: keys, tokens and passwords that were committed by mistake.
//
// It wraps the rules of gitleaks, and is the only package that knows them. What it hands out never holds the secret
// itself: a finding is a rule, a place and a fingerprint, and errors name paths and numbers alone. The library is kept
// on a short lead: its log is silenced, texts are bounded, and a panic in it is an error here.
package secretscan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
)

// MaxText is how long one text may be, in bytes. The rules take about a third of a second for a mebibyte.
const MaxText = 1 << 20

// decodeDepth is how many layers of encoding (base64, hex, percent) are looked under.
const decodeDepth = 2

// Finding is a text that looks like a credential.
type Finding struct {
	// Rule is the name of gitleaks' rule, Description what it looks for, in a sentence.
	Rule, Description string
	Path              string
	// Line and EndLine are where it stands, from 1.
	Line, EndLine int
	// Fingerprint is 20 hex digits of a hash over rule and secret. It is the same wherever the secret stands, so a file
	// that is moved or edited above it does not change it.
	Fingerprint string
}

// Scanner looks for credentials. It may be used by several goroutines at once.
type Scanner struct{ detector *detect.Detector }

// loading keeps two scanners from being made at once: the library reads its rules through one global reader.
var loading sync.Mutex //nolint:gochecknoglobals // it guards what is global there

// New loads the rules, which takes some 30 ms. An error means that the rules built into the program are broken.
func New() (*Scanner, error) {
	loading.Lock()
	defer loading.Unlock()
	logging.Logger = zerolog.Nop() // it would print what it finds
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return nil, fmt.Errorf("rules of the scanner for secrets: %w", err)
	}
	d.MaxDecodeDepth = decodeDepth
	// A comment beside a key is written by whoever committed the key; who may allow it is written in the configuration.
	d.IgnoreGitleaksAllow = true
	return &Scanner{detector: d}, nil
}

// Skips tells whether files of that path are never looked at: pictures, lock files, vendored code.
func (s *Scanner) Skips(path string) bool {
	return slices.ContainsFunc(s.detector.Config.Allowlists, allowsPath(path))
}

// File looks through the whole text of a file. Binary content (a NUL byte) holds nothing that the rules could find.
func (s *Scanner) File(ctx context.Context, path, text string) ([]Finding, error) {
	if strings.ContainsRune(text, 0) {
		return nil, nil
	}
	return s.scan(ctx, path, passage{first: 1, text: text})
}

// Patch looks through the lines that a patch of a file adds, with their numbers in the new file. patch is what GitHub
// gives for a file: hunks from the first "@@" on. Lines that were there before help to recognize and are not reported.
func (s *Scanner) Patch(ctx context.Context, path, patch string) ([]Finding, error) {
	passages, err := passages(patch)
	if err != nil {
		return nil, fmt.Errorf("patch of %s: %w", path, err)
	}
	var out []Finding
	for _, p := range passages {
		found, err := s.scan(ctx, path, p)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// scan looks through one passage.
func (s *Scanner) scan(ctx context.Context, path string, p passage) (out []Finding, err error) {
	if len(p.text) > MaxText {
		return nil, fmt.Errorf("%s: %d bytes are more than the %d that are looked through", path, len(p.text), MaxText)
	}
	defer func() {
		if recover() != nil { // what it says may quote the text
			out, err = nil, fmt.Errorf("%s: the scanner for secrets broke down", path)
		}
	}()
	lines := strings.Split(p.text, "\n")
	for _, f := range s.detector.DetectContext(ctx, detect.Fragment{Raw: p.text, FilePath: path}) { //nolint:staticcheck // v8 takes no other
		line, end := place(lines, f.StartLine, f.EndLine, f.Secret)
		if !p.adds(line, end) {
			continue
		}
		out = append(out, Finding{
			Rule: f.RuleID, Description: f.Description, Path: path, Line: p.first + line, EndLine: p.first + end,
			Fingerprint: fingerprint(f.RuleID, f.Secret),
		})
	}
	if err := ctx.Err(); err != nil { // it ends early without a word
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return slices.Compact(out), nil
}

// place narrows the lines of a match, from 0, to those of the secret in it: rules take a line break before a key along.
func place(lines []string, start, end int, secret string) (from, to int) {
	start, end = min(max(start, 0), len(lines)-1), min(max(end, 0), len(lines)-1)
	end = max(start, end)
	head, _, _ := strings.Cut(secret, "\n")
	for n := start; n <= end && head != ""; n++ {
		if strings.Contains(lines[n], head) {
			return n, min(n+strings.Count(secret, "\n"), end)
		}
	}
	return start, end
}

// fingerprint names a secret without holding it.
func fingerprint(rule, secret string) string {
	sum := sha256.Sum256([]byte(rule + "\x00" + secret))
	return hex.EncodeToString(sum[:10])
}
