package upstream

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/distribution/reference"

	"github.com/nist190/nist190/inventory"
)

// Images are completed as github.com/distribution/reference does it, which the container runtimes use.
func TestParseImage(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0", 64)
	parts := []string{
		"docker.io", "index.docker.io", "ghcr.io", "localhost", "localhost:5000", "registry.example.com:5000", "10.0.0.1:80", "[::1]:5000", "Registry",
		"library", "acme", "a-b", "a__b", "a.b", "nginx", "x", "",
	}
	tags := []string{"", ":1", ":1.2-alpine", ":Latest", "@" + digest, ":1@" + digest}
	r := rand.New(rand.NewPCG(8, 190))
	valid := 0
	for range 20000 {
		var words []string
		for range 1 + r.IntN(4) {
			words = append(words, parts[r.IntN(len(parts))])
		}
		ref := strings.Join(words, "/") + tags[r.IntN(len(tags))]
		named, err := reference.ParseNormalizedNamed(ref)
		if err != nil {
			continue // no runtime takes it
		}
		valid++
		want := inventory.Image{Host: reference.Domain(named), Path: reference.Path(named)}
		if d, ok := named.(reference.Digested); ok {
			want.Digest = d.Digest().String()
		}
		if x, ok := reference.TagNameOnly(named).(reference.Tagged); ok {
			want.Tag = x.Tag()
		}
		if got := inventory.ParseImage(ref); got != want {
			t.Errorf("%s: got %+v, want %+v", ref, got, want)
		}
	}
	if valid < 5000 {
		t.Errorf("only %d of the references are valid", valid)
	}
}
