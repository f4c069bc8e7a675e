package sensitivity

import (
	"errors"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/nist190/nist190/inventory"
)

func TestParse(t *testing.T) {
	fips := Scheme{Levels: []string{"low", "moderate", "high"}}
	own := Scheme{Levels: []string{"green", "red"}, Synonyms: map[string]string{"pci": "red"}}
	for _, tt := range []struct {
		scheme Scheme
		word   string
		want   Level
	}{
		{Scheme{}, "public", 1}, {Scheme{}, "internal", 2}, {Scheme{}, "confidential", 3}, {Scheme{}, "restricted", 4},
		{Scheme{}, "low", 2}, {Scheme{}, "moderate", 3}, {Scheme{}, "high", 4}, {Scheme{}, " Restricted ", 4},
		{Scheme{}, "confidental", 0}, {Scheme{}, "", 0}, {Scheme{}, "infra", 0}, {Scheme{}, "baseline", 0},
		{fips, "low", 1}, {fips, "high", 3}, {fips, "internal", 0},
		{own, "PCI", 2}, {own, "high", 0},
		{Scheme{Synonyms: map[string]string{}}, "high", 0},
	} {
		got, ok := tt.scheme.Parse(tt.word)
		if got != tt.want || ok != (tt.want > 0) {
			t.Errorf("%v: %q is %d, %v; want %d", tt.scheme.Levels, tt.word, got, ok, tt.want)
		}
	}
}

func TestValidateNamesTheField(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                                     "",
		`{levels: [a, b, A]}`:                                    `levels[2]: "A" is there twice`,
		`{levels: [infra]}`:                                      `levels[0]: "infra" cannot be a level: it must be a label value other than "infra"`,
		`{levels: ["not a label value"]}`:                        `levels[0]: "not a label value" cannot be a level: it must be a label value other than "infra"`,
		`{synonyms: {pii: secret}}`:                              `synonyms.pii: "secret" is no level; the levels are public, internal, confidential, restricted`,
		`{synonyms: {public: internal}}`:                         `synonyms.public: the word "public" already has a meaning`,
		`{keys: [pod-security.kubernetes.io/enforce]}`:           `keys[0]: "pod-security.kubernetes.io/enforce" says how a pod is hardened, not how sensitive it is`,
		`{nodeKeys: [a, "b c"]}`:                                 `nodeKeys[1]: "b c" is not a label key`,
		`{infra: ["kube-["]}`:                                    `infra[0]: "kube-[" is not a valid pattern`,
		`{rules: [{selector: {}, level: secret}]}`:               `rules[0].level: "secret" is no level`,
		`{rules: [{selector: {}, level: infra}]}`:                "",
		`{rules: [{selector: {names: ["["]}, level: internal}]}`: `rules[0].selector: names: "[" is not a valid pattern`,
	} {
		var s Scheme
		if err := yaml.UnmarshalStrict([]byte(text), &s); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		err := s.Validate()
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)):
			t.Errorf("%s: %v, want %s", text, err, want)
		}
		var field *FieldError
		if err != nil && !errors.As(err, &field) {
			t.Errorf("%s: %T is no FieldError", text, err)
		}
	}
}

func TestDefaultIsValidAndTheZeroScheme(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Fatal(err)
	}
	if got, want := Default().String(), (Scheme{}).String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	const want = "public < internal < confidential < restricted; labels nist190.dev/sensitivity, sensitivity, data-classification; infra kube-system, kube-public, kube-node-lease"
	if got := Default().String(); got != want {
		t.Errorf("%s", got)
	}
	none := Scheme{Infra: []string{}, Rules: []Rule{{Selector: inventory.Selector{}, Level: "low"}}}
	if got := none.String(); !strings.HasSuffix(got, "; infra none; 1 rules") {
		t.Error(got)
	}
}
