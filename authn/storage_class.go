package authn

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

// outcome is a protection as a verdict on a subject: what is not encrypted fails.
func (p *Protection) outcome(subject inventory.Ref, key, what string) nist190.Outcome {
	out := nist190.Outcome{Subject: subject, Key: key, Evidence: p.Evidence, Strength: p.Strength}
	switch p.Encrypted {
	case Yes:
		out.Status = nist190.Pass
	case No:
		out.Status, out.Message = nist190.Fail, fmt.Sprintf("%s not encrypted: %s", what, p.Why)
		out.Strength = inventory.StrengthUnset
	default:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = fmt.Sprintf("whether %s encrypted is not known: %s", what, p.Why)
		if p.missing != "" {
			out.Reason = nist190.ReasonMissingEvidence
			out.Missing = []nist190.Missing{{Evidence: p.missing, State: inventory.NotCollected, Reason: "nothing describes the disks of nodes"}}
		}
	}
	return out
}

// onVolumes fills in what checks of volumes have in common.
func onVolumes(md nist190.Metadata, needs []inventory.Need, run func(context.Context, *nist190.Eval, *Encryption) error) nist190.Check {
	md.Risk, md.Since, md.Needs = nist190.UnauthorizedAccess, "v0.1.0", needs
	return nist190.NewCheck(md, func(ctx context.Context, e *nist190.Eval) error {
		enc, err := EncryptionOf(ctx, e.Inventory)
		if err != nil {
			return err
		}
		return run(ctx, e, enc)
	})
}

var classEncryption = nist190.Metadata{
	ID: "authn-storage-class-encryption", Title: "StorageClass whose volumes are not encrypted",
	Doc: `A StorageClass that claims ask for, or the default one, makes volumes that are not encrypted.

Data has to be encrypted wherever its container runs. What a class does follows from its driver and parameters; a class that
is called "encrypted" proves nothing. Some drivers encrypt always (Google, Microsoft), others where a parameter says so
(Ceph, Longhorn), others as an account or a server outside of the cluster is set up (Amazon without the parameter, vSphere,
NFS): then the answer is not known from the class. The table of drivers names its sources.

Before:

    provisioner: ebs.csi.aws.com
    parameters: {type: gp3, encrypted: "false"}

After:

    provisioner: ebs.csi.aws.com
    parameters: {type: gp3, encrypted: "true", kmsKeyId: "arn:aws:kms:..."}

Whose the key is is a question of its own, which authn-provider-key asks.`,
	Claims: []nist190.Claim{{Sentence: "2d", Conclusive: true}, {Sentence: "2e"}}, Controls: []string{"SC-28", "SC-28(1)"}, Severity: nist190.SeverityHigh,
	Remediation: `Make a class with the driver's parameter for encryption, make it the default, and move the data: parameters of
a class cannot be changed, and volumes that exist stay as they are.`,
	Subjects: []schema.GroupKind{{Group: "storage.k8s.io", Kind: "StorageClass"}},
	Limits: `What a driver that is not in the table does is not known, nor what an account, a storage policy or a file server
decides. Classes that no claim asks for are left out. For volumes on disks of nodes those count, as far as installers and
clouds describe them.`,
}

// ClassEncryption finds StorageClasses whose volumes are not encrypted.
func ClassEncryption() nist190.Check {
	return onVolumes(classEncryption, inventory.JoinNeeds(EncryptionNeeds(), inventory.WorkloadNeeds(inventory.Incriminating)), checkClassEncryption)
}

// asking is who asks for a class.
type asking struct {
	claims   int
	evidence nist190.Evidence
}

// demand counts who asks for each class, by name, and for the default one.
func (e *Encryption) demand(ctx context.Context) (byName map[string]*asking, theDefault *asking, err error) {
	byName, theDefault = map[string]*asking{}, &asking{}
	add := func(annotations map[string]string, spec *corev1.PersistentVolumeClaimSpec, at nist190.Evidence) {
		a := theDefault
		name, set := annotations[corev1.BetaStorageClassAnnotation]
		if !set && spec.StorageClassName != nil {
			name, set = *spec.StorageClassName, true
		}
		switch {
		case set && name == "": // bound by hand
			return
		case set:
			if a = byName[name]; a == nil {
				a = &asking{}
				byName[name] = a
			}
		}
		if a.claims++; a.claims == 1 {
			a.evidence = at
		}
	}
	for o, pvc := range inventory.Typed[corev1.PersistentVolumeClaim](e.inv) {
		add(pvc.Annotations, &pvc.Spec, nist190.At(o, "spec", "storageClassName"))
	}
	all, err := inventory.WorkloadsOf(ctx, e.inv)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range all {
		templates := claimTemplates(w)
		for _, name := range sortedNames(templates) {
			t := templates[name]
			add(t.claim.Annotations, &t.claim.Spec, nist190.At(w.Object, "spec", "volumeClaimTemplates", t.index, "spec", "storageClassName"))
		}
		for i := range w.Template.Spec.Volumes {
			if v := w.Template.Spec.Volumes[i].Ephemeral; v != nil && v.VolumeClaimTemplate != nil {
				at := inventory.At{Object: w.Object, Path: w.TemplatePath}
				add(v.VolumeClaimTemplate.Annotations, &v.VolumeClaimTemplate.Spec, nist190.Place(at, "spec", "volumes", i, "ephemeral"))
			}
		}
	}
	for _, v := range e.byName {
		if name := v.pv.Spec.StorageClassName; name != "" && byName[name] == nil && e.classes[name] != nil {
			byName[name] = &asking{claims: 1, evidence: nist190.At(v.object, "spec", "storageClassName")}
		}
	}
	return byName, theDefault, nil
}

func checkClassEncryption(ctx context.Context, ev *nist190.Eval, e *Encryption) error {
	byName, theDefault, err := e.demand(ctx)
	if err != nil {
		return err
	}
	for o := range inventory.Typed[storagev1.StorageClass](ev.Inventory) {
		c := e.classes[o.Name()]
		asked := byName[o.Name()]
		if asked == nil && !c.byDefault {
			ev.NotApplicable(o.Ref(), "no claim asks for it")
			continue
		}
		out := c.Protection.outcome(o.Ref(), "", "what its volumes hold is")
		if c.byDefault && out.Status == nist190.Fail {
			out.Message += "; it is the default class"
		}
		ev.Report(out)
	}
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if e.classes[name] != nil {
			continue
		}
		ev.Report(unseenClass(inventory.Ref{Group: "storage.k8s.io", Version: "v1", Kind: "StorageClass", Name: name}, fmt.Sprintf("StorageClass %q", name), byName[name]))
	}
	if theDefault.claims > 0 && e.defaultClass == nil {
		out := unseenClass(inventory.Cluster, "the default StorageClass", theDefault)
		out.Key = "default"
		ev.Report(out)
	}
	return nil
}

func unseenClass(subject inventory.Ref, what string, a *asking) nist190.Outcome {
	verb := "asks"
	if a.claims > 1 {
		verb = "ask"
	}
	return nist190.Outcome{Status: nist190.NotAssessed, Subject: subject, Reason: nist190.ReasonMissingEvidence, Evidence: []nist190.Evidence{a.evidence},
		Missing: []nist190.Missing{{Evidence: "storageclasses.storage.k8s.io", State: inventory.NotCollected, Reason: what + " was not seen"}},
		Message: fmt.Sprintf("%s %s for %s, which was not seen", phrase.Count(a.claims, "claim"), verb, what)}
}

var volumeEncryption = nist190.Metadata{
	ID: "authn-volume-encryption", Title: "PersistentVolume that is not encrypted",
	Doc: `A PersistentVolume holds data that is not encrypted.

What is said in the volume itself counts first: its driver and attributes, or the source that is built into Kubernetes.
Volumes that were made by hand have no class at all, and classes are replaced by others of the same name, so that a good
class proves nothing of a volume that was made before. Where the volume says nothing, the class of its name and driver is
what it was most likely made by; a failure is then reported of the class alone.

Before:

    csi: {driver: rook-ceph.rbd.csi.ceph.com, volumeAttributes: {clusterID: rook-ceph, pool: replicapool}}

After: a volume of a class with encrypted: "true", and the data moved there.`,
	Claims: []nist190.Claim{{Sentence: "2d", Conclusive: true}, {Sentence: "2e"}}, Controls: []string{"SC-28", "SC-28(1)"}, Severity: nist190.SeverityHigh,
	Remediation: "Copy the data to a volume of a class that encrypts, and delete the old one.",
	Subjects:    []schema.GroupKind{{Kind: "PersistentVolume"}},
	Limits: `What a cloud reports of a disk is not read. Volumes of which nothing is known are counted by driver. Volumes that
pods describe themselves are judged with their workloads.`,
}

// VolumeEncryption finds volumes that are not encrypted.
func VolumeEncryption() nist190.Check {
	needs := EncryptionNeeds()
	for i := range needs {
		if needs[i].Kind == "StorageClass" {
			needs[i].Bias = inventory.Either // it decides for volumes that say nothing
		}
	}
	return onVolumes(volumeEncryption, inventory.JoinNeeds(needs, inventory.WorkloadNeeds(inventory.Incriminating)), checkVolumeEncryption)
}

func checkVolumeEncryption(ctx context.Context, ev *nist190.Eval, e *Encryption) error {
	unknown := map[string][]*volume{}
	for o := range inventory.Typed[corev1.PersistentVolume](ev.Inventory) {
		v := e.byName[o.Name()]
		switch {
		case v.Encrypted == Undecided:
			key := "driver " + v.driverName
			if class := v.pv.Spec.StorageClassName; class != "" {
				key += ", class " + class
			}
			unknown[key] = append(unknown[key], v)
		case v.Encrypted == No && !v.own:
			ev.NotApplicable(o.Ref(), "authn-storage-class-encryption says it of its class")
		default:
			ev.Report(v.Protection.outcome(o.Ref(), "", "what it holds is"))
		}
	}
	for key, vs := range unknown { // one finding for all of a kind
		slices.SortFunc(vs, func(a, b *volume) int { return cmp.Compare(a.object.Name(), b.object.Name()) })
		names := make([]string, len(vs))
		for i, v := range vs {
			names[i] = fmt.Sprintf("%q", v.object.Name())
		}
		out := vs[0].Protection.outcome(inventory.Cluster, key, "")
		out.Message = fmt.Sprintf("whether %s encrypted is not known (%s): %s", isAre(len(vs), "PersistentVolume"), phrase.Shorten(names), vs[0].Why)
		ev.Report(out)
	}
	return e.direct(ctx, ev)
}

func isAre(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %ss are", n, what)
}

// direct judges the volumes of pods that name a disk or driver themselves.
func (e *Encryption) direct(ctx context.Context, ev *nist190.Eval) error {
	all, err := inventory.WorkloadsOf(ctx, ev.Inventory)
	if err != nil {
		return err
	}
	for _, w := range all {
		for u := range e.Uses(w) {
			if u.direct == nil && u.Kind != "csi" && u.Kind != "flexVolume" || u.Kind == "hostPath" || u.direct != nil && u.direct.where == inMemory {
				continue
			}
			u.Evidence = []nist190.Evidence{nist190.Place(u.At, u.Kind)}
			ev.Report(u.Protection.outcome(w.Ref(), u.Name, fmt.Sprintf("what volume %q holds is", u.Name)))
		}
	}
	return nil
}
