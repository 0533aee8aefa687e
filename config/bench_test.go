package config

import (
	"os"
	"testing"
)

func BenchmarkParseRepo(b *testing.B) {
	data, err := os.ReadFile("testdata/example.yml")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, errs := ParseRepo(data, shop()); len(errs) > 0 {
			b.Fatal(errs[0])
		}
	}
}

func BenchmarkPrescan(b *testing.B) {
	data, err := os.ReadFile("testdata/example.yml")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if prescan(data) != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkApprovalHash(b *testing.B) {
	r := Default(shop())
	for b.Loop() {
		r.ApprovalHash("release")
	}
}
