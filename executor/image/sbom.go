package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha1" //nolint:gosec // SPDX asks for it, beside SHA-256
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// maxInspected bounds the size of a program whose modules are looked for: it is held in memory.
const maxInspected = 256 << 20

// bill is an SPDX 2.3 document: the image, the base it stands on, the artifacts it is made of, every file that was added
// with its sums, and the modules that Go programs among them say they contain.
type bill struct {
	Version       string         `json:"spdxVersion"`
	License       string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      billCreation   `json:"creationInfo"`
	Packages      []billPackage  `json:"packages"`
	Files         []billFile     `json:"files,omitempty"`
	Relationships []billRelation `json:"relationships"`
}

type billCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type billPackage struct {
	ID           string            `json:"SPDXID"`
	Name         string            `json:"name"`
	Version      string            `json:"versionInfo,omitempty"`
	Location     string            `json:"downloadLocation"`
	Analyzed     bool              `json:"filesAnalyzed"`
	Verification *billVerification `json:"packageVerificationCode,omitempty"`
	Checksums    []billSum         `json:"checksums,omitempty"`
	Refs         []billRef         `json:"externalRefs,omitempty"`
	Purpose      string            `json:"primaryPackagePurpose,omitempty"`
}

type billVerification struct {
	Value string `json:"packageVerificationCodeValue"`
}

type billSum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type billRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type billFile struct {
	ID        string    `json:"SPDXID"`
	Name      string    `json:"fileName"`
	Checksums []billSum `json:"checksums"`
	Comment   string    `json:"comment,omitempty"` // the platform, where there are several
}

type billRelation struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

const (
	billDocument  = "SPDXRef-DOCUMENT"
	billImage     = "SPDXRef-Image"
	unknownOrigin = "NOASSERTION"
)

// bill lists what was added to the base, and names the base.
func (a *assembly) bill(repository, digest string) (*bill, error) {
	b := &bill{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: billDocument, Name: repository + "@" + digest,
		Namespace: cmp.Or(a.source(), "https://sluice.invalid") + "/spdx/" + url.PathEscape(repository) + "/" + strings.ReplaceAll(digest, ":", "-"),
		Creation:  billCreation{Created: a.created().Format(time.RFC3339), Creators: []string{"Tool: sluice"}},
		Packages: []billPackage{{
			ID: billImage, Name: repository, Version: a.r.Env["SLUICE_VERSION"], Location: unknownOrigin, Analyzed: true, Purpose: "CONTAINER",
			Checksums: sha256Sum(digest), Refs: imageRef(repository, digest),
		}},
	}
	b.relate(billDocument, "DESCRIBES", billImage)
	if a.base.ref != "" {
		from, _, _ := strings.Cut(a.base.ref, "@")
		b.add(billImage, "DESCENDANT_OF", billPackage{
			ID: "SPDXRef-Base", Name: a.base.name, Location: unknownOrigin, Purpose: "CONTAINER", Checksums: sha256Sum(a.base.digest), Refs: imageRef(from, a.base.digest),
		})
	}
	for i, name := range slices.Sorted(maps.Keys(a.open)) {
		b.add(billImage, "GENERATED_FROM", billPackage{
			ID: fmt.Sprintf("SPDXRef-Artifact-%d", i+1), Name: name, Location: unknownOrigin, Purpose: "ARCHIVE", Checksums: sha256Sum(a.r.Inputs[name].Digest),
		})
	}
	modules := map[string]bool{}
	for _, platform := range slices.Sorted(maps.Keys(a.layers)) {
		if err := b.layer(a.layers[platform], platform, len(a.layers) > 1, modules); err != nil {
			return nil, err
		}
	}
	sums := make([]string, len(b.Files))
	for i, f := range b.Files {
		sums[i] = f.Checksums[0].Value
	}
	slices.Sort(sums)
	code := sha1.Sum([]byte(strings.Join(sums, ""))) //nolint:gosec // as SPDX defines it
	b.Packages[0].Verification = &billVerification{hex.EncodeToString(code[:])}
	return b, nil
}

func (b *bill) relate(from, how, to string) {
	b.Relationships = append(b.Relationships, billRelation{from, how, to})
}

func (b *bill) add(from, how string, p billPackage) {
	b.Packages = append(b.Packages, p)
	b.relate(from, how, p.ID)
}

// layer lists the files of a platform's layer, and the modules of programs among them, each once.
func (b *bill) layer(l *layer, platform string, several bool, modules map[string]bool) error {
	rc, err := l.Uncompressed()
	if err != nil {
		return err
	}
	defer rc.Close()
	for tr := tar.NewReader(rc); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		one, two := sha1.New(), sha256.New() //nolint:gosec // as SPDX defines it
		var program bytes.Buffer
		to := io.MultiWriter(one, two)
		if h.Mode&0o111 != 0 && h.Size <= maxInspected {
			to = io.MultiWriter(one, two, &program)
		}
		if _, err := io.CopyN(to, tr, h.Size); err != nil {
			return err
		}
		f := billFile{
			ID: fmt.Sprintf("SPDXRef-File-%d", len(b.Files)+1), Name: "./" + h.Name,
			Checksums: []billSum{{"SHA1", hex.EncodeToString(one.Sum(nil))}, {"SHA256", hex.EncodeToString(two.Sum(nil))}},
		}
		if several {
			f.Comment = platform
		}
		b.Files = append(b.Files, f)
		b.relate(billImage, "CONTAINS", f.ID)
		b.modules(program.Bytes(), modules)
	}
}

// modules lists what a Go program says it was linked from; of other files nothing is known.
func (b *bill) modules(program []byte, known map[string]bool) {
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		at := m.Path + "@" + m.Version
		if known[at] {
			continue
		}
		known[at] = true
		b.add(billImage, "CONTAINS", billPackage{
			ID: fmt.Sprintf("SPDXRef-Module-%d", len(known)), Name: m.Path, Version: m.Version, Location: unknownOrigin, Purpose: "LIBRARY",
			Refs: []billRef{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + m.Path + "@" + url.PathEscape(m.Version)}},
		})
	}
}

func sha256Sum(digest string) []billSum {
	return []billSum{{"SHA256", strings.TrimPrefix(digest, "sha256:")}}
}

// imageRef is the package URL of an image.
func imageRef(repository, digest string) []billRef {
	return []billRef{{"PACKAGE-MANAGER", "purl", "pkg:oci/" + path.Base(repository) + "@" + url.QueryEscape(digest) + "?repository_url=" + url.QueryEscape(repository)}}
}
