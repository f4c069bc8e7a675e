package authn

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
	"github.com/nist190/nist190/sensitivity"
)

var volumeKeySecret = nist190.Metadata{
	ID: "authn-volume-key-secret", Title: "Key of volumes that others can read",
	Doc: `The Secret that holds the key of a StorageClass's volumes can be read by accounts of other namespaces, or is in a
namespace of a lower sensitivity level than the data.

Drivers such as Longhorn, Ceph and Hetzner's take the passphrase from a Secret that the class names. Who reads that Secret,
and comes to a disk or a backup, reads the volumes. It belongs where the driver is, in a namespace that nobody else has
rights in.

Before:

    parameters:
      csi.storage.k8s.io/node-stage-secret-name: volume-key
      csi.storage.k8s.io/node-stage-secret-namespace: shop          # where developers read Secrets

After:

    parameters:
      csi.storage.k8s.io/node-stage-secret-name: volume-key
      csi.storage.k8s.io/node-stage-secret-namespace: longhorn-system`,
	Claims: nist190.Claims("2e"), Controls: []string{"SC-12", "AC-3"}, Severity: nist190.SeverityMedium,
	Remediation: `Keep the Secret in the namespace of the driver, and remove rights on Secrets there from everybody but the
driver. Make a new key and move the data where the old one may be known.`,
	Subjects: []schema.GroupKind{{Group: "storage.k8s.io", Kind: "StorageClass"}},
	Limits: `Who may read Secrets in the whole cluster is rbac-secret-read's. A Secret of which the class says only how to find
it, such as ${pvc.namespace}, is that of the namespace of the data, and is not judged.`,
}

// VolumeKeySecret finds keys of volumes that others can read.
func VolumeKeySecret() nist190.Check {
	return onVolumes(volumeKeySecret, inventory.JoinNeeds(
		// Another binding or role can only add somebody.
		rbac.GrantNeeds(inventory.Incriminating), sensitivity.DeclaredNeeds(), inventory.WorkloadNeeds(inventory.Incriminating),
		EncryptionNeeds(),
	), checkVolumeKeySecret)
}

// keySecret is the Secret of a class from which its driver takes the key on the node.
func (c *class) keySecret() (namespace, name, parameter string, ok bool) {
	for _, what := range []string{"node-stage", "node-publish"} {
		parameter = secretNamePrefix + what + "-secret-namespace"
		namespace, name = c.class.Parameters[parameter], c.class.Parameters[secretNamePrefix+what+"-secret-name"]
		if namespace != "" && name != "" {
			return namespace, name, parameter, true
		}
	}
	return "", "", "", false
}

func checkVolumeKeySecret(ctx context.Context, ev *nist190.Eval, e *Encryption) error {
	access, err := rbac.AccessOf(ctx, ev.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.DeclaredOf(ctx, ev.Inventory)
	if err != nil {
		return err
	}
	highest, err := e.levelsOfClasses(ctx, levels)
	if err != nil {
		return err
	}
	for name, c := range e.classes {
		namespace, secret, parameter, ok := c.keySecret()
		if !ok || c.Encrypted != Yes || c.Custody != SecretKey || strings.Contains(namespace, "${") {
			continue
		}
		at := nist190.At(c.object, "parameters", parameter).Showing(namespace)
		out := nist190.Outcome{Status: nist190.Pass, Subject: c.object.Ref(), Evidence: []nist190.Evidence{at}}
		own := levels.Namespace(namespace)
		switch holder, grant, found := outsider(access, namespace, secret); {
		case found:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("the key of its volumes is Secret %q, which %s may read", namespace+"/"+secret, holder)
			out.Evidence = append(out.Evidence, nist190.At(grant.Binding.Object, "roleRef", "name"))
			out.Path = grant.Steps()
		case own.Known() && highest[name] > own.Level:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("the key of its volumes is Secret %q, in a namespace that is %s, and the data is %s", namespace+"/"+secret, levels.Name(own.Level), levels.Name(highest[name]))
		}
		ev.Report(out)
	}
	return nil
}

// outsider finds who is not of a namespace and may read a Secret in it through a RoleBinding.
func outsider(access *rbac.Access, namespace, secret string) (rbac.Subject, rbac.Grant, bool) {
	for _, h := range access.WhoCan(rbac.Request{Verb: "get", Namespace: namespace, Resource: "secrets", Name: secret}) {
		if h.Subject.Namespace == namespace || h.Subject.Namespace == "kube-system" {
			continue
		}
		for _, g := range h.Grants {
			if g.Binding.Namespace != "" {
				return h.Subject, g, true
			}
		}
	}
	return rbac.Subject{}, rbac.Grant{}, false
}

// levelsOfClasses is the highest level of the workloads whose data is in volumes of each class.
func (e *Encryption) levelsOfClasses(ctx context.Context, levels *sensitivity.Levels) (map[string]sensitivity.Level, error) {
	all, err := inventory.WorkloadsOf(ctx, e.inv)
	if err != nil {
		return nil, err
	}
	out := map[string]sensitivity.Level{}
	for _, w := range all {
		level := levels.Workload(w.Ref()).Level
		if level <= 0 {
			continue
		}
		for u := range e.Uses(w) {
			switch {
			case u.place.class != nil:
				out[u.place.class.object.Name()] = max(out[u.place.class.object.Name()], level)
			case u.place.volume != nil:
				name := u.place.volume.pv.Spec.StorageClassName
				out[name] = max(out[name], level)
			}
		}
	}
	return out, nil
}
