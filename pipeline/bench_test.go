package pipeline

import "testing"

func BenchmarkStart(b *testing.B) {
	in := Input{ID: "ex", Definition: release(Options{}), SHA: testSHA}
	b.ReportAllocs()
	for b.Loop() {
		Start(in, noon)
	}
}

func BenchmarkAdvanceSettled(b *testing.B) {
	s, _ := Start(Input{ID: "ex", Definition: release(Options{}), SHA: testSHA}, noon)
	f := ActionSettled{At: noon, ID: "ex-1-1-1", Status: Succeeded}
	b.ReportAllocs()
	for b.Loop() {
		if _, commands, _ := Advance(s, f); len(commands) == 0 {
			b.Fatal("no commands")
		}
	}
}

func BenchmarkAdvanceNothing(b *testing.B) {
	s, _ := Start(Input{ID: "ex", Definition: release(Options{}), SHA: testSHA}, noon)
	b.ReportAllocs()
	for b.Loop() {
		Advance(s, Ticked{At: noon})
	}
}

func BenchmarkValidate(b *testing.B) {
	d := release(Options{})
	b.ReportAllocs()
	for b.Loop() {
		if len(d.Validate()) > 0 {
			b.Fatal("not valid")
		}
	}
}

func BenchmarkTable(b *testing.B) {
	s, _ := Start(Input{ID: "ex", Definition: release(Options{}), SHA: testSHA}, noon)
	b.ReportAllocs()
	for b.Loop() {
		Table(s, noon)
	}
}
