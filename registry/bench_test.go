package registry

import (
	"fmt"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	fake "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// BenchmarkPromote compares the promotion of 200 MB with crane's copy of the same image between the same two registries, and
// a retag with crane's: quote the ratio.
func BenchmarkPromote(b *testing.B) {
	disk := func(b *testing.B) *server {
		return serveWith(b, fake.WithBlobHandler(fake.NewDiskBlobHandler(b.TempDir())))
	}
	dev := disk(b)
	src := putImage(b, dev.host+"/shop:candidate", must(random.Image(40<<20, 5))(b))
	to := func(b *testing.B) string { // an empty registry
		b.StopTimer()
		defer b.StartTimer()
		return disk(b).host + "/shop:1.4.0"
	}
	b.Run("crane", func(b *testing.B) {
		for range b.N {
			if err := crane.Copy(src, to(b)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("promote", func(b *testing.B) {
		for range b.N {
			if _, err := New(Options{}).Promote(b.Context(), src, to(b)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("crane-tag", func(b *testing.B) {
		for i := range b.N {
			if err := crane.Tag(src, fmt.Sprintf("c%d-%d", b.N, i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("promote-tag", func(b *testing.B) {
		for i := range b.N {
			if _, err := New(Options{}).Promote(b.Context(), src, fmt.Sprintf("%s/shop:s%d-%d", dev.host, b.N, i)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
