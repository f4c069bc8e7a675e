package placement

import "testing"

func TestSigstoreGlob(t *testing.T) {
	const digest = "@sha256:1111111111111111111111111111111111111111111111111111111111111111"
	for _, c := range []struct {
		glob, image string
		want        three
	}{
		{"**", "ghcr.io/acme/team/shop:1", yes},
		{"*", "nginx", yes}, // Compile reads it as index.docker.io/library/*
		{"*", "acme/nginx", no},
		{"*/*", "acme/nginx:1", yes},
		{"index.docker.io/library/*", "nginx:1", yes},
		{"docker.io/library/*", "docker.io/library/nginx:1", yes}, // as it is written
		{"docker.io/library/*", "nginx:1", no},
		{"docker.io/library/*", "index.docker.io/library/nginx:1", no},
		{"ghcr.io/acme/*", "ghcr.io/acme/shop", yes},
		{"ghcr.io/acme/*", "ghcr.io/acme/team/shop", no},
		{"ghcr.io/acme/**", "ghcr.io/acme/team/shop", yes},
		{"ghcr.io/acme/**", "ghcr.io/acme-evil/shop", no},
		{"ghcr.io/acme/**", "ghcrxio/acme/shop", no}, // a dot is a dot
		{"ghcr.io/acme/shop:*", "ghcr.io/acme/shop:1", perhaps},
		{"ghcr.io/acme/shop:*", "ghcr.io/acme/shop" + digest, no},
		{"ghcr.io/acme/shop@sha256:*", "ghcr.io/acme/shop:1", yes},
		{"ghcr.io/acme/shop" + digest, "ghcr.io/acme/shop:1" + digest, yes},
	} {
		if got := sigstoreGlob(c.glob, c.image); got != c.want {
			t.Errorf("%s of %s: got %d, want %d", c.glob, c.image, got, c.want)
		}
	}
}

func TestWildcard(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"*", "a/b", true}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"ghcr.io/*", "ghcrxio/a", false},
		{"ghcr.io/*", "ghcr.io/a/b:1", true}, {"ghcr.io/*", "evil.io/ghcr.io/a", false}, {"kube-*", "kube-system", true}, {"a+", "aa", false}, {"", "", true},
	} {
		if got := wildcard(c.pattern, c.s); got != c.want {
			t.Errorf("%q of %q: got %v", c.pattern, c.s, got)
		}
	}
}

// Only the documented form of a validation is understood.
func TestVerifiesAll(t *testing.T) {
	for text, want := range map[string]bool{
		"images.containers.map(image, verifyImageSignatures(image, [attestors.notary])).all(e, e > 0)":       true,
		"images.initContainers.map(i, verifyImageSignatures(i, [attestors.a, attestors.b])).all(x, x > 0)":   true,
		"images.containers.map(image,\n  verifyImageSignatures(image, [attestors.notary])).all(e, e > 0)":    true,
		"images.containers.map(image, verifyImageSignatures(image, [attestors.notary])).all(e, e >= 0)":      false,
		"images.containers.map(image, verifyImageSignatures(image, [attestors.notary])).exists(e, e > 0)":    false,
		"images.containers.map(image, verifyImageSignatures(other, [attestors.notary])).all(e, e > 0)":       false,
		"true || images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, e > 0)":    false,
		"images.containers.map(image, verifyImageSignatures(image, [])).all(e, e > 0)":                       false,
		"images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, e > 0) || has(x)":  false,
		"images.containers.map(image, verifyAttestationSignatures(image, [attestors.notary])).all(e, e > 0)": false,
		"images.containers.map(image, verifyImageSignatures(image, [attestors.notary])).all(e, other > 0)":   false,
		"images.ephemeralContainers.map(image, verifyImageSignatures(image, [attestors.x])).all(e, e > 0)":   true,
	} {
		if got := verifiesAll(text); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}
