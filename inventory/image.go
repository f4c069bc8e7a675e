package inventory

import (
	"path"
	"strings"
)

// Image is an image reference with the defaults of the container runtimes written out: "nginx" is
// docker.io/library/nginx:latest.
type Image struct {
	Host, Path, Tag, Digest string
}

// ParseImage normalises a reference as github.com/distribution/reference does. It does not validate.
func ParseImage(ref string) Image {
	var im Image
	if i := strings.IndexByte(ref, '@'); i >= 0 {
		ref, im.Digest = ref[:i], ref[i+1:]
	}
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		ref, im.Tag = ref[:i], ref[i+1:]
	}
	host, rest, ok := strings.Cut(ref, "/")
	if !ok || !isRegistryHost(host) {
		host, rest = "docker.io", ref
	}
	if host == "index.docker.io" {
		host = "docker.io"
	}
	if host == "docker.io" && !strings.Contains(rest, "/") {
		rest = "library/" + rest
	}
	im.Host, im.Path = host, rest
	if im.Tag == "" && im.Digest == "" {
		im.Tag = "latest"
	}
	return im
}

func isRegistryHost(s string) bool {
	return s == "localhost" || strings.ContainsAny(s, ".:") || s != strings.ToLower(s)
}

// MatchImage reports whether an image is picked by a pattern. The pattern is normalised like a reference, its host must
// equal the image's (so that "quay.io/x" is not matched by "evil.example/quay.io/x", nor "example.com" by
// "example.com.evil"), and its path is a glob in which a final "/**" stands for everything below. A tag or digest in the
// pattern must match as a glob too; without one, any does.
func MatchImage(pattern, image string) bool {
	im, p := ParseImage(image), ParseImage(pattern)
	tagged := strings.Contains(pattern[strings.LastIndexByte(pattern, '/')+1:], ":") && p.Digest == ""
	if p.Host != im.Host || p.Digest != "" && p.Digest != im.Digest {
		return false
	}
	if tagged {
		if ok, _ := path.Match(p.Tag, im.Tag); !ok {
			return false
		}
	}
	if below, ok := strings.CutSuffix(p.Path, "/**"); ok {
		return strings.HasPrefix(im.Path, below+"/")
	}
	if p.Path == "**" || p.Path == "library/**" && p.Host == "docker.io" && strings.HasSuffix(pattern, "docker.io/**") {
		return true
	}
	ok, _ := path.Match(p.Path, im.Path)
	return ok
}
