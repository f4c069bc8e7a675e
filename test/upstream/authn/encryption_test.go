package authn

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	"k8s.io/apiserver/pkg/storage/value"

	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

const encryptingPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a-%d","namespace":"kube-system"},"spec":{"nodeName":"cp-%d","containers":[{"name":"a",
"image":"kube-apiserver:v1.37.0","command":["kube-apiserver","--encryption-provider-config=/etc/e%d.yaml"]}]}}`

// TestStoredAsUpstream gives one or two replicas random configurations, lets the API server's own code encrypt with each, and changes a
// byte of what it wrote: what is said of confidentiality, algorithm and integrity has to be what happens, on the replica that is worst.
func TestStoredAsUpstream(t *testing.T) {
	resources := []schema.GroupResource{{Resource: "secrets"}, {Resource: "configmaps"}, {Group: "apps", Resource: "deployments"}, {Group: "example.com", Resource: "widgets"}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir := t.TempDir()
	refused, compared, seen := 0, 0, map[string]int{}
	for seed := range uint64(1200) {
		rng := rand.New(rand.NewPCG(seed, 2190))
		replicas := 1 + rng.IntN(2)
		var sources []inventory.Source
		var loaded []encryptionconfig.StaticTransformers
		valid := true
		for i := range replicas {
			text := encryptionConfig(t, rng)
			file := filepath.Join(dir, fmt.Sprintf("e%d.yaml", i))
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := encryptionconfig.LoadEncryptionConfig(ctx, file, false, "")
			if err != nil {
				valid = false
				break
			}
			loaded = append(loaded, encryptionconfig.StaticTransformers(c.Transformers))
			sources = append(sources, manifest.Bytes(manifest.Config{NoBootstrap: true}, fmt.Sprintf("a%d.json", i), fmt.Appendf(nil, encryptingPod, i, i, i)),
				manifest.Bytes(manifest.Config{NoBootstrap: true}, fmt.Sprintf("etc/e%d.yaml", i), text))
		}
		if !valid {
			refused++
			continue
		}
		inv, err := inventory.Collect(ctx, nil, inventory.Sources(sources...))
		if err != nil {
			t.Fatal(err)
		}
		e, err := authn.EncryptionOf(ctx, inv)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range resources {
			got := e.Stored(r)
			want := map[string]bool{}
			plain := false
			for _, l := range loaded {
				s := observe(t, ctx, l.TransformerForResource(r))
				want[s] = true
				plain = plain || s == "no"
				seen[s]++
			}
			compared++
			said := got.Encrypted.String()
			if got.Encrypted == authn.Yes {
				said = fmt.Sprintf("%s %s", got.Algorithm, got.Authenticated)
			}
			if plain && said != "no" || !want[said] {
				t.Fatalf("seed %d: %s: %s (%s), upstream %v", seed, r, said, got.Why, want)
			}
		}
	}
	if refused < 100 || compared < 1500 || len(seen) != 4 {
		t.Errorf("%d refused, %d compared, %v", refused, compared, seen)
	}
}

// observe tells what a transformer does: "no" for plain text, else the algorithm by its prefix and whether a changed byte is noticed.
func observe(t *testing.T, ctx context.Context, x value.Transformer) string {
	t.Helper()
	data := value.DefaultContext("a name")
	plain := []byte("a value that is longer than a block, so that the first can be changed and the rest be whole")
	out, err := x.TransformToStorage(ctx, plain, data)
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := strings.CutPrefix(string(out), "k8s:enc:")
	if !ok {
		return "no"
	}
	name, _, _ := strings.Cut(rest, ":")
	changed := append([]byte(nil), out...)
	prefix := len(out) - len(rest) + len(name) + len(":v1:k:")
	changed[prefix] ^= 1 // of the initialization vector or nonce
	_, _, err = x.TransformFromStorage(ctx, changed, data)
	algorithm := map[string]string{"aescbc": "AES-CBC", "aesgcm": "AES-GCM", "secretbox": "XSalsa20-Poly1305"}[name]
	if err != nil {
		return algorithm + " yes"
	}
	return algorithm + " no"
}

func encryptionConfig(t *testing.T, rng *rand.Rand) []byte {
	t.Helper()
	names := []string{"secrets", "configmaps", "deployments.apps", "widgets.example.com", "*.", "*.apps", "*.*", "*.example.com"}
	key := func(n int) []any {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.IntN(256))
		}
		return []any{map[string]any{"name": "k", "secret": base64.StdEncoding.EncodeToString(b)}}
	}
	var entries []any
	for range 1 + rng.IntN(2) {
		var of []string
		for range 1 + rng.IntN(2) {
			of = append(of, names[rng.IntN(len(names))])
		}
		var providers []any
		for range 1 + rng.IntN(3) {
			switch rng.IntN(4) {
			case 0:
				providers = append(providers, map[string]any{"aescbc": map[string]any{"keys": key(32)}})
			case 1:
				providers = append(providers, map[string]any{"aesgcm": map[string]any{"keys": key(16)}})
			case 2:
				providers = append(providers, map[string]any{"secretbox": map[string]any{"keys": key(32)}})
			default:
				providers = append(providers, map[string]any{"identity": map[string]any{}})
			}
		}
		entries = append(entries, map[string]any{"resources": of, "providers": providers})
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": entries})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
