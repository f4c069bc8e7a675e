package upstream

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	"k8s.io/apiserver/pkg/storage/value"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// TestEncryptionAsUpstream loads random configurations as the API server does, lets it encrypt, and asks for the provider
// that wrote. A configuration that it refuses is not known to anybody.
func TestEncryptionAsUpstream(t *testing.T) {
	resources := []schema.GroupResource{{Resource: "secrets"}, {Resource: "configmaps"}, {Group: "apps", Resource: "deployments"},
		{Group: "example.com", Resource: "widgets"}}
	names := []string{"secrets", "configmaps", "deployments.apps", "widgets.example.com", "*.", "*.apps", "*.*", "*.example.com"}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir := t.TempDir()
	refused, compared := 0, 0
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 190))
		text := encryptionConfiguration(t, rng, names)
		file := filepath.Join(dir, "e.yaml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s := viewOfEncryption(t, text).APIServer()
		upstream, err := encryptionconfig.LoadEncryptionConfig(ctx, file, false, "")
		if err != nil {
			refused++
			if a := s.EncryptionFor(resources[0]); a.OK() {
				t.Errorf("upstream refuses it: %s", text)
			}
			continue
		}
		for _, r := range resources {
			compared++
			want := writer(t, ctx, encryptionconfig.StaticTransformers(upstream.Transformers).TransformerForResource(r))
			a := s.EncryptionFor(r)
			got := "identity"
			if a.OK() && a.Value.Encrypted() {
				got = a.Value.Providers[0].Type
			}
			if !a.OK() || got != want {
				t.Errorf("%s: %s (%s), upstream writes with %s: %s", r, got, a.Reason, want, text)
			}
		}
	}
	if refused < 50 || compared < 800 {
		t.Errorf("%d refused, %d compared", refused, compared)
	}
}

// writer is the provider whose prefix a value gets (pkg/server/options/encryptionconfig/config.go).
func writer(t *testing.T, ctx context.Context, transformer value.Transformer) string {
	t.Helper()
	out, err := transformer.TransformToStorage(ctx, []byte("a value"), value.DefaultContext("a name"))
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := strings.CutPrefix(string(out), "k8s:enc:")
	if !ok {
		return "identity"
	}
	name, _, _ := strings.Cut(rest, ":")
	return name
}

func encryptionConfiguration(t *testing.T, rng *rand.Rand, names []string) []byte {
	t.Helper()
	key := func(n int) []any {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.IntN(256))
		}
		return []any{map[string]any{"name": "k", "secret": base64.StdEncoding.EncodeToString(b)}}
	}
	provider := func() any {
		switch rng.IntN(4) {
		case 0:
			return map[string]any{"aescbc": map[string]any{"keys": key(32)}}
		case 1:
			return map[string]any{"aesgcm": map[string]any{"keys": key(16)}}
		case 2:
			return map[string]any{"secretbox": map[string]any{"keys": key(32)}}
		}
		return map[string]any{"identity": map[string]any{}}
	}
	var entries []any
	for range 1 + rng.IntN(3) {
		var of []string
		for range 1 + rng.IntN(2) {
			of = append(of, names[rng.IntN(len(names))])
		}
		var providers []any
		for range 1 + rng.IntN(3) {
			providers = append(providers, provider())
		}
		entries = append(entries, map[string]any{"resources": of, "providers": providers})
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": entries})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func viewOfEncryption(t *testing.T, text []byte) *controlplane.View {
	t.Helper()
	const pod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"kube-system"},"spec":{"containers":[{"name":"a","image":"kube-apiserver:v1.37.0","command":["kube-apiserver","--encryption-provider-config=/etc/e.yaml"]}]}}`
	inv, err := inventory.Collect(context.Background(), nil, inventory.Sources(
		manifest.Bytes(manifest.Config{NoBootstrap: true}, "a.json", []byte(pod)), manifest.Bytes(manifest.Config{NoBootstrap: true}, "etc/e.yaml", text)))
	if err != nil {
		t.Fatal(err)
	}
	v, err := controlplane.Of(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
