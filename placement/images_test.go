package placement

import "testing"

func TestRegistryHas(t *testing.T) {
	for _, c := range []struct {
		registry, image string
		want            bool
	}{
		{"ghcr.io/acme", "ghcr.io/acme/shop:1", true},
		{"ghcr.io/acme", "ghcr.io/acme/team/shop@sha256:0", true},
		{"ghcr.io/acme", "ghcr.io/acme", true},
		{"ghcr.io/acme", "ghcr.io/acme-evil/shop", false},
		{"ghcr.io/acme", "ghcr.io/acmeshop", false},
		{"ghcr.io/acme", "ghcr.io.attacker.io/acme/shop", false},
		{"ghcr.io/acme", "attacker.io/ghcr.io/acme/shop", false},
		{"ghcr.io/acme", "ghcr.io:443/acme/shop", false}, // another name of a registry is another registry
		{"ghcr.io/acme", "ghcr.io/evil/acme/shop", false},
		{"registry.example.com", "registry.example.com.attacker.io/x", false},
		{"registry.example.com", "evil-registry.example.com/x", false},
		{"registry.example.com", "registry.example.com:5000/x", false},
		{"registry.example.com:5000", "registry.example.com:5000/x/y:1@sha256:0", true},
		{"localhost:5000", "localhost:5000/x", true},
		{"localhost", "localhost/x", true},
		{"docker.io", "nginx", true},
		{"docker.io", "acme/nginx:1", true},
		{"docker.io/library", "nginx:1.29", true},
		{"docker.io/library/nginx", "docker.io/nginx", true},
		{"docker.io/library/nginx", "index.docker.io/library/nginx@sha256:0", true},
		{"index.docker.io/library", "nginx", true},
		{"docker.io/library", "acme/library", false},
		{"docker.io/library", "library-evil/nginx", false},
		{"docker.io/acme", "acme/nginx", true},
		{"docker.io/acme", "acme.io/nginx", false}, // with a dot it is a host
		{"docker.io/acme", "acme:5000/nginx", false},
		{"ghcr.io/acme/app-*", "ghcr.io/acme/app-web/server", true},
		{"ghcr.io/acme/app-*", "ghcr.io/acme/app/app-web", false},
		{"ghcr.io/*/shop", "ghcr.io/a/b/shop", false}, // a star stays within its component
		{"ghcr.io/acme/shop", "ghcr.io/acme", false},
	} {
		if err := Registry(c.registry).Validate(); err != nil {
			t.Error(err)
		}
		if got := Registry(c.registry).Has(c.image); got != c.want {
			t.Errorf("%s has %s: got %v, want %v", c.registry, c.image, got, c.want)
		}
	}
}
