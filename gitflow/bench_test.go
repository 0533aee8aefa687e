package gitflow

import (
	"fmt"
	"testing"
)

// The rules of a pull request: a feature of twenty commits, an open candidate, production owing a back-merge.
func BenchmarkCheckPull(b *testing.B) {
	g := shop()
	g.cut("release/1.4.0", "development")
	for i := range 10 {
		g.commit("release/1.4.0", fmt.Sprint("fix ", i))
		g.commit("development", fmt.Sprint("later ", i))
	}
	g.cut("hotfix/17", "master")
	g.commit("hotfix/17", "urgent")
	g.cut("issue-1", "development")
	for i := range 20 {
		g.commit("issue-1", fmt.Sprint("work ", i))
	}
	for _, c := range []struct{ head, base string }{{"issue-1", "development"}, {"hotfix/17", "master"}, {"release/1.4.0", "master"}} {
		b.Run(string(standard.Classify(c.head).Kind), func(b *testing.B) {
			pull := g.pull(standard, c.head, c.base)
			b.ReportAllocs()
			for b.Loop() {
				if v := CheckPull(standard, pull); !v.Pass {
					b.Fatal(v.Violations)
				}
			}
		})
	}
}

// A candidate that a feature of development was merged into: what nobody looks for where nothing is wrong.
func BenchmarkCheckPullForeign(b *testing.B) {
	g := shop()
	g.cut("release/1.4.0", "development")
	for i := range 10 {
		branch := fmt.Sprint("issue-", i)
		g.work(branch, "release/1.4.0", "one", "two")
		g.merge("development", branch)
	}
	g.merge("release/1.4.0", "issue-7")
	pull := g.pull(standard, "release/1.4.0", "master")
	b.ReportAllocs()
	for b.Loop() {
		if v := CheckPull(standard, pull); len(v.Violations) != 1 || len(v.Violations[0].Commits) != 2 {
			b.Fatal(v.Violations)
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	for _, name := range []string{"master", "feature/ABC-12-login", "release/1.4.0", "функция/вход"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = standard.Classify(name)
			}
		})
	}
}

func BenchmarkPlanFinish(b *testing.B) {
	w := approvedHotfix()
	w.walk(PlanPromote, never)
	s := w.state()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := PlanFinish(s).Next(); !ok {
			b.Fatal("nothing to do")
		}
	}
}
