package authn

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/redact"
	"github.com/nist190/nist190/inventory"
)

var encryptionKey = nist190.Metadata{
	ID: "authn-encryption-key", Title: "Encryption key that is written down", Risk: nist190.UnauthorizedAccess,
	Doc: `An EncryptionConfiguration with the key itself is among the files that were examined.

The key decrypts every Secret in etcd and in all of its backups. In a repository it is copied to every laptop and build, and
stays in the history after it was removed. A key of the wrong length, or text that is not base64, is refused by the API
server; one that repeats a single byte protects nothing.

Before:

    - aesgcm: {keys: [{name: key1, secret: c2VjcmV0IGlzIHNlY3VyZQ==}]}

After:

    - kms: {apiVersion: v2, name: vault, endpoint: unix:///run/kms/vault.sock}

or the file is made on the machine and is in no repository. A placeholder that is filled in later is no key. Findings name
file and line; keys are never kept.`,
	Claims: nist190.Claims("2e"), Controls: []string{"SC-12", "IA-5(7)"}, Severity: nist190.SeverityCritical,
	Remediation: `Take the key for known: make a new one on the machines, put it first, rewrite all that is encrypted, remove
the old one. Keep keys in a key management service, or let the installer make them where they are used.`,
	// The question is what the examined files hold: where nobody collected any, nothing is written down in them.
	Needs: controlplane.Needs(), Since: "v0.1.0",
	Limits: `A file that was read on the machine itself looks like one of a repository; suppress it there. Keys in Secrets are not looked for.`,
}

// EncryptionKey finds keys for what is stored that are written down.
func EncryptionKey() nist190.Check { return nist190.NewCheck(encryptionKey, checkEncryptionKey) }

func checkEncryptionKey(ctx context.Context, e *nist190.Eval) error {
	for _, gk := range []schema.GroupKind{{Group: "apiserver.config.k8s.io", Kind: "EncryptionConfiguration"}, {Kind: "EncryptionConfig"}} {
		for o := range e.Inventory.ByKind(gk) {
			doc, _, err := config.Decode(o.JSON())
			c, ok := doc.(*config.EncryptionConfiguration)
			if err != nil || !ok {
				e.NotAssessed(o.Ref(), nist190.ReasonUnknown, "the document cannot be read as an EncryptionConfiguration", nist190.At(o))
				continue
			}
			literalKeys(e, o, c)
		}
	}
	view, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return err
	}
	embeddedKeys(e, view)
	return nil
}

// literalKeys judges every key of a document, one finding for each provider's.
func literalKeys(e *nist190.Eval, o *inventory.Object, c *config.EncryptionConfiguration) {
	found := false
	for i := range c.Resources {
		for j := range c.Resources[i].Providers {
			name, keys, lengths := keysOf(&c.Resources[i].Providers[j])
			for k := range keys {
				what, bad := faultOf(keys[k].Secret, lengths)
				if !bad {
					continue
				}
				found = true
				e.Fail(o.Ref(), fmt.Sprintf("resources[%d].providers[%d].%s.keys[%d]", i, j, name, k), fmt.Sprintf("a key of %s is written down%s", name, what),
					nist190.At(o, "resources", i, "providers", j, name, "keys", k, "secret"))
			}
		}
	}
	if !found {
		e.Pass(o.Ref(), nist190.At(o, "kind"))
	}
}

func keysOf(p *config.ProviderConfiguration) (name string, keys []config.Key, lengths []int64) {
	switch {
	case p.AESGCM != nil:
		return "aesgcm", p.AESGCM.Keys, []int64{16, 24, 32}
	case p.AESCBC != nil:
		return "aescbc", p.AESCBC.Keys, []int64{16, 24, 32}
	case p.Secretbox != nil:
		return "secretbox", p.Secretbox.Keys, []int64{32}
	}
	return "", nil, nil
}

// faultOf says what a payload is beside a key; bad is false where it is none.
func faultOf(s config.Secret, lengths []int64) (what string, bad bool) {
	fits := false
	for _, n := range lengths {
		fits = fits || n == s.Length
	}
	switch s.Class {
	case "", redact.Empty, redact.Placeholder:
		return "", false
	case redact.Repeated:
		return ", and it is one byte over and over", true
	case redact.Base64:
		if !fits {
			return fmt.Sprintf(", and its %d bytes are no length of a key: the API server refuses it", s.Length), true
		}
		return "", true
	}
	return ", and it is not base64: the API server refuses it", true
}

// embeddedKeys finds configurations that stand in fields of other objects, such as the files of a control plane of Cluster API.
func embeddedKeys(e *nist190.Eval, view *controlplane.View) {
	seen := map[string]bool{}
	for _, r := range []schema.GroupResource{secrets, configMaps} {
		for _, a := range view.APIServer().EncryptionFor(r).Find(func(controlplane.Encryption) bool { return true }) {
			if len(a.Places) == 0 || a.Places[0].Object == nil {
				continue
			}
			at := a.Places[0]
			o := at.Object
			if !embeds(o.GroupKind()) || seen[o.Ref().String()] {
				continue
			}
			for _, p := range a.Value.Providers {
				for _, k := range p.Keys {
					if _, bad := faultOf(k.Secret, []int64{16, 24, 32}); bad && !seen[o.Ref().String()] {
						seen[o.Ref().String()] = true
						e.Fail(o.Ref(), "embedded", fmt.Sprintf("an EncryptionConfiguration with a key of %s is written down in it", p.Type), placeOf(at))
					}
				}
			}
		}
	}
}

// embeds: the files of these objects are written by people. What a distribution makes up when it starts, as k3s and RKE2 do,
// is described with its own objects, and is nowhere written down.
func embeds(gk schema.GroupKind) bool {
	switch gk.Group {
	case "bootstrap.cluster.x-k8s.io", "controlplane.cluster.x-k8s.io":
		return strings.HasPrefix(gk.Kind, "Kubeadm")
	}
	return gk == schema.GroupKind{Kind: "ConfigMap"}
}
