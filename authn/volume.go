package authn

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// claimKey names a claim.
type claimKey struct{ namespace, name string }

// class is a StorageClass and what its volumes will be.
type class struct {
	object    *inventory.Object
	class     *storagev1.StorageClass
	driver    *driver // nil: it is not in the table
	byDefault bool
	Protection
}

// volume is a PersistentVolume and what it is.
type volume struct {
	object     *inventory.Object
	pv         *corev1.PersistentVolume
	driverName string
	driver     *driver
	// own: what decides stands in the volume itself, or nothing but its driver does; otherwise it is its class.
	own bool
	Protection
}

// EncryptionNeeds are what [EncryptionOf] reads. Volumes, classes and disks answer for themselves.
func EncryptionNeeds() []inventory.Need {
	return inventory.JoinNeeds([]inventory.Need{
		inventory.NeedOf[storagev1.StorageClass](inventory.Incriminating),
		inventory.NeedOf[corev1.PersistentVolume](inventory.Incriminating),
		inventory.NeedOf[corev1.PersistentVolumeClaim](inventory.Incriminating),
	}, diskNeeds())
}

// diskOnlyNeeds are those of checks that ask the engine about disks alone: what volumes there are decides nothing.
func diskOnlyNeeds() []inventory.Need {
	needs := EncryptionNeeds()
	for i := range needs {
		switch needs[i].Kind {
		case "StorageClass", "PersistentVolume", "PersistentVolumeClaim":
			needs[i].Bias = inventory.SeverityOnly
		}
	}
	return needs
}

const secretNamePrefix, secretNamespacePrefix = "csi.storage.k8s.io/", "-secret-namespace"

// hasKeySecret: the driver is given a Secret on the node, where keys are used.
func hasKeySecret(params map[string]string) bool {
	return params[secretNamePrefix+"node-stage-secret-name"] != "" || params[secretNamePrefix+"node-publish-secret-name"] != ""
}

func (e *Encryption) collectClasses(inv *inventory.Inventory) {
	e.classes = map[string]*class{}
	for o, sc := range inventory.Typed[storagev1.StorageClass](inv) {
		c := &class{object: o, class: sc}
		c.driver, _ = driverOf(sc.Provisioner)
		var said string
		c.Protection, said = e.protect(c.driver, sc.Provisioner, sc.Parameters, hasKeySecret(sc.Parameters))
		at := nist190.At(o, "provisioner").Showing(sc.Provisioner)
		if key, ok := keyOf(sc.Parameters, said); ok {
			at = nist190.At(o, "parameters", key)
		}
		c.Evidence = []nist190.Evidence{at}
		e.classes[o.Name()] = c
		c.byDefault = isDefaultClass(sc)
		// Of several the newest counts (pkg/volume/util/storageclass.go); without times, the first by name.
		if d := e.defaultClass; c.byDefault && (d == nil || d.class.CreationTimestamp.Before(&sc.CreationTimestamp)) {
			e.defaultClass = c
		}
	}
}

func keyOf(m map[string]string, name string) (string, bool) {
	for k := range m {
		if name != "" && (strings.EqualFold(k, name) || strings.EqualFold(k, secretNamePrefix+name)) {
			return k, true
		}
	}
	return "", false
}

func isDefaultClass(sc *storagev1.StorageClass) bool {
	return sc.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" || sc.Annotations["storageclass.beta.kubernetes.io/is-default-class"] == "true"
}

// protect asks the table, and where that leaves it to the disks below, those.
func (e *Encryption) protect(d *driver, name string, params map[string]string, secret bool) (p Protection, said string) {
	if d == nil {
		return Protection{Why: fmt.Sprintf("what the driver %q does is not known here", name)}, ""
	}
	p, said = d.protect(params, secret)
	if p.Encrypted != Undecided {
		return p, said
	}
	below := Protection{}
	switch {
	case d.where == onNodes || d.where == oneNode:
		below = e.nodes
	case strings.HasSuffix(d.names[0], "ceph.com"):
		below = e.ceph
	}
	if below.Encrypted != Undecided {
		below.Why = p.Why + ", and " + below.Why
		return below, said
	}
	if below.Why != "" {
		p.Why += ", and " + below.Why
		p.missing = below.missing
	}
	return p, said
}

func (e *Encryption) collectVolumes(inv *inventory.Inventory) {
	e.byName, e.byClaim, e.claimNames = map[string]*volume{}, map[claimKey]*volume{}, map[string][]string{}
	for o := range inventory.Typed[corev1.PersistentVolumeClaim](inv) { // in the order of their names
		e.claimNames[o.Namespace()] = append(e.claimNames[o.Namespace()], o.Name())
	}
	for o, pv := range inventory.Typed[corev1.PersistentVolume](inv) {
		v := e.volume(o, pv)
		e.byName[o.Name()] = v
		if r := pv.Spec.ClaimRef; r != nil {
			e.byClaim[claimKey{r.Namespace, r.Name}] = v
		}
	}
}

// inTree names the driver of a source that is built into Kubernetes, by the name of its provisioner.
func inTree(s *corev1.PersistentVolumeSource) (name, field string) {
	for _, x := range []struct {
		set         bool
		name, field string
	}{
		{s.AWSElasticBlockStore != nil, "kubernetes.io/aws-ebs", "awsElasticBlockStore"}, {s.GCEPersistentDisk != nil, "kubernetes.io/gce-pd", "gcePersistentDisk"},
		{s.AzureDisk != nil, "kubernetes.io/azure-disk", "azureDisk"}, {s.AzureFile != nil, "kubernetes.io/azure-file", "azureFile"},
		{s.Cinder != nil, "kubernetes.io/cinder", "cinder"}, {s.VsphereVolume != nil, "kubernetes.io/vsphere-volume", "vsphereVolume"},
		{s.PortworxVolume != nil, "kubernetes.io/portworx-volume", "portworxVolume"}, {s.RBD != nil, "kubernetes.io/rbd", "rbd"},
		{s.CephFS != nil, "kubernetes.io/cephfs", "cephfs"}, {s.NFS != nil, "kubernetes.io/nfs", "nfs"},
		{s.HostPath != nil, "kubernetes.io/host-path", "hostPath"}, {s.Local != nil, "kubernetes.io/no-provisioner", "local"},
		{s.Glusterfs != nil, "kubernetes.io/glusterfs", "glusterfs"}, {s.ISCSI != nil, "kubernetes.io/iscsi", "iscsi"}, {s.FC != nil, "kubernetes.io/fc", "fc"},
		{s.Quobyte != nil, "kubernetes.io/quobyte", "quobyte"}, {s.ScaleIO != nil, "kubernetes.io/scaleio", "scaleIO"}, {s.StorageOS != nil, "kubernetes.io/storageos", "storageos"},
		{s.FlexVolume != nil, "kubernetes.io/flexvolume", "flexVolume"}, {s.PhotonPersistentDisk != nil, "kubernetes.io/photon-pd", "photonPersistentDisk"},
	} {
		if x.set {
			return x.name, x.field
		}
	}
	return "", ""
}

// volume resolves one PersistentVolume: its attributes, then its class, then what its driver does of itself.
func (e *Encryption) volume(o *inventory.Object, pv *corev1.PersistentVolume) *volume {
	v := &volume{object: o, pv: pv, own: true}
	var attributes map[string]string
	secret := false
	at := nist190.At(o, "spec")
	if csi := pv.Spec.CSI; csi != nil {
		v.driverName, attributes = csi.Driver, csi.VolumeAttributes
		secret = csi.NodeStageSecretRef != nil || csi.NodePublishSecretRef != nil
		at = nist190.At(o, "spec", "csi", "driver").Showing(csi.Driver)
	} else {
		var field string
		if v.driverName, field = inTree(&pv.Spec.PersistentVolumeSource); field != "" {
			at = nist190.At(o, "spec", field)
		}
	}
	v.driver, _ = driverOf(v.driverName)
	p, said := e.protect(v.driver, v.driverName, attributes, secret)
	v.Protection = p
	if key, ok := keyOf(attributes, said); ok && said != "" {
		at = nist190.At(o, "spec", "csi", "volumeAttributes", key)
	}
	v.Evidence = []nist190.Evidence{at}
	if v.driver == nil || said != "" || v.driver.always && len(v.driver.customer) == 0 {
		return v
	}
	if _, all := attributes[v.driver.copied]; all && v.driver.copied != "" {
		return v // the class's parameters are all there, and none of them decides
	}
	if v.driver.secret && len(v.driver.switches) == 0 || v.driver.where == oneNode {
		return v // all that decides is in the volume
	}
	if c := e.classes[pv.Spec.StorageClassName]; c != nil && c.class.Provisioner == v.driverName {
		v.Protection, v.own = c.Protection, false
		v.Evidence = append([]nist190.Evidence{at}, c.Evidence...)
		v.Why = fmt.Sprintf("StorageClass %q says so: %s", c.object.Name(), c.Why)
		v.Strength = inventory.Inferred // the class may have been replaced since
	} else if pv.Spec.StorageClassName != "" && !v.driver.always {
		v.Protection = Protection{Why: fmt.Sprintf("the volume does not say it, and StorageClass %q, by which it was made, was not seen", pv.Spec.StorageClassName), Evidence: v.Evidence}
	}
	return v
}

// Class is how volumes of a StorageClass are protected; false where the class was not seen.
func (e *Encryption) Class(name string) (Protection, bool) {
	if c := e.classes[name]; c != nil {
		return c.Protection, true
	}
	return Protection{}, false
}

// Volume is how a PersistentVolume is protected; false where it was not seen.
func (e *Encryption) Volume(name string) (Protection, bool) {
	if v := e.byName[name]; v != nil {
		return v.Protection, true
	}
	return Protection{}, false
}

// place is where data of a volume is kept: a PersistentVolume, or what a class will make.
type place struct {
	volume *volume
	class  *class
	// missing is the StorageClass that was not seen; "" with neither of the others is the default one.
	missing string
}

func (p place) protection() Protection {
	switch {
	case p.volume != nil:
		return p.volume.Protection
	case p.class != nil:
		return p.class.Protection
	case p.missing != "":
		return Protection{Why: fmt.Sprintf("StorageClass %q was not seen", p.missing)}
	}
	return Protection{Why: "the default StorageClass was not seen"}
}

func (p place) driver() *driver {
	switch {
	case p.volume != nil:
		return p.volume.driver
	case p.class != nil:
		return p.class.driver
	}
	return nil
}

// Claim is how the data of a claim is protected; false where neither the claim nor a volume of it was seen.
func (e *Encryption) Claim(namespace, name string) (Protection, bool) {
	p, ok := e.claim(namespace, name)
	return p.protection(), ok
}

func (e *Encryption) claim(namespace, name string) (place, bool) {
	if v := e.byClaim[claimKey{namespace, name}]; v != nil {
		return place{volume: v}, true
	}
	_, pvc, ok := inventory.TypedGet[corev1.PersistentVolumeClaim](e.inv, namespace, name)
	if !ok {
		return place{}, false
	}
	if v := e.byName[pvc.Spec.VolumeName]; v != nil {
		return place{volume: v}, true
	}
	return e.promised(&pvc.ObjectMeta.Annotations, &pvc.Spec), true
}

// promised is what a claim that is not bound yet will get.
func (e *Encryption) promised(annotations *map[string]string, spec *corev1.PersistentVolumeClaimSpec) place {
	name, set := (*annotations)[corev1.BetaStorageClassAnnotation], true
	switch {
	case name != "":
	case spec.StorageClassName != nil:
		name = *spec.StorageClassName
	default:
		set = false
	}
	if !set {
		return place{class: e.defaultClass}
	}
	if c := e.classes[name]; c != nil {
		return place{class: c}
	}
	return place{missing: name}
}

// Use is one volume of a workload's pods that data is kept in.
type Use struct {
	Workload *inventory.Workload
	Name     string       // of the volume
	Kind     string       // field of its source: persistentVolumeClaim, hostPath, emptyDir, nfs, csi, ..., or volumeClaimTemplate
	At       inventory.At // where the pod names it
	ReadOnly bool         // no container can write it
	Protection

	place  place
	direct *driver // of a volume that the pod itself describes
	source *corev1.VolumeSource
}

// Uses are the volumes of a workload that hold data: those that Kubernetes fills from its own objects are left out. A
// StatefulSet's claims count as claims.
func (e *Encryption) Uses(w *inventory.Workload) iter.Seq[Use] {
	return func(yield func(Use) bool) {
		spec := &w.Template.Spec
		at := inventory.At{Object: w.Object, Path: w.TemplatePath}
		templates := claimTemplates(w)
		for i := range spec.Volumes {
			v := &spec.Volumes[i]
			if _, ok := templates[v.Name]; ok {
				continue // the claim of the template takes its place
			}
			if u, ok := e.use(w, v); ok {
				u.At = at.Field("spec", "volumes", i)
				u.ReadOnly = readOnly(spec, v.Name)
				if !yield(u) {
					return
				}
			}
		}
		for _, name := range sortedNames(templates) {
			t := templates[name]
			u := Use{Workload: w, Name: name, Kind: "volumeClaimTemplate", At: inventory.At{Object: w.Object, Path: []any{"spec", "volumeClaimTemplates", t.index}}}
			u.place = e.promised(&t.claim.Annotations, &t.claim.Spec)
			for _, key := range e.claimsOf(w, name) {
				if found, ok := e.claim(key.namespace, key.name); ok {
					u.place = found
				}
			}
			u.Protection = u.place.protection()
			if !yield(u) {
				return
			}
		}
	}
}

type claimTemplate struct {
	index int
	claim *corev1.PersistentVolumeClaim
}

func claimTemplates(w *inventory.Workload) map[string]claimTemplate {
	if w.Object.GroupKind() != statefulSetKind {
		return nil
	}
	set, err := inventory.As[appsv1.StatefulSet](w.Object)
	if err != nil {
		return nil
	}
	out := map[string]claimTemplate{}
	for i := range set.Spec.VolumeClaimTemplates {
		out[set.Spec.VolumeClaimTemplates[i].Name] = claimTemplate{i, &set.Spec.VolumeClaimTemplates[i]}
	}
	return out
}

var statefulSetKind = inventory.NeedOf[appsv1.StatefulSet](inventory.Either).GroupKind()

func sortedNames(m map[string]claimTemplate) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// claimsOf are the claims that exist of a StatefulSet's template.
func (e *Encryption) claimsOf(w *inventory.Workload, template string) []claimKey {
	prefix := template + "-" + w.Object.Name() + "-"
	names := e.claimNames[w.Namespace()]
	first, _ := slices.BinarySearch(names, prefix)
	var out []claimKey
	for _, name := range names[first:] {
		if !strings.HasPrefix(name, prefix) {
			break
		}
		out = append(out, claimKey{w.Namespace(), name})
	}
	return out
}

func readOnly(spec *corev1.PodSpec, volume string) bool {
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, m := range c.VolumeMounts {
			if m.Name == volume && !m.ReadOnly {
				return false
			}
		}
		if slices.ContainsFunc(c.VolumeDevices, func(d corev1.VolumeDevice) bool { return d.Name == volume }) {
			return false
		}
	}
	return true
}

// use reads a volume of a pod.
func (e *Encryption) use(w *inventory.Workload, v *corev1.Volume) (Use, bool) {
	u := Use{Workload: w, Name: v.Name, source: &v.VolumeSource}
	direct := func(kind, driver string, params map[string]string, secret bool) (Use, bool) {
		u.Kind = kind
		u.direct, _ = driverOf(driver)
		u.Protection, _ = e.protect(u.direct, driver, params, secret)
		return u, true
	}
	switch s := &v.VolumeSource; {
	case s.PersistentVolumeClaim != nil:
		u.Kind = "persistentVolumeClaim"
		found, ok := e.claim(w.Namespace(), s.PersistentVolumeClaim.ClaimName)
		u.place = found
		u.Protection = found.protection()
		if !ok {
			u.Protection = Protection{Why: fmt.Sprintf("PersistentVolumeClaim %q was not seen", s.PersistentVolumeClaim.ClaimName)}
		}
		return u, true
	case s.Ephemeral != nil && s.Ephemeral.VolumeClaimTemplate != nil:
		u.Kind = "ephemeral"
		u.place = e.promised(&s.Ephemeral.VolumeClaimTemplate.Annotations, &s.Ephemeral.VolumeClaimTemplate.Spec)
		u.Protection = u.place.protection()
		return u, true
	case s.EmptyDir != nil:
		u.Kind = "emptyDir"
		u.Protection = e.nodes
		return u, true
	case s.HostPath != nil:
		return direct("hostPath", "kubernetes.io/host-path", nil, false)
	case s.NFS != nil:
		return direct("nfs", "kubernetes.io/nfs", nil, false)
	case s.CSI != nil:
		return direct("csi", s.CSI.Driver, s.CSI.VolumeAttributes, s.CSI.NodePublishSecretRef != nil)
	case s.AWSElasticBlockStore != nil:
		return direct("awsElasticBlockStore", "kubernetes.io/aws-ebs", nil, false)
	case s.GCEPersistentDisk != nil:
		return direct("gcePersistentDisk", "kubernetes.io/gce-pd", nil, false)
	case s.AzureDisk != nil:
		return direct("azureDisk", "kubernetes.io/azure-disk", nil, false)
	case s.AzureFile != nil:
		return direct("azureFile", "kubernetes.io/azure-file", nil, false)
	case s.CephFS != nil:
		return direct("cephfs", "kubernetes.io/cephfs", nil, false)
	case s.RBD != nil:
		return direct("rbd", "kubernetes.io/rbd", nil, false)
	case s.Cinder != nil:
		return direct("cinder", "kubernetes.io/cinder", nil, false)
	case s.VsphereVolume != nil:
		return direct("vsphereVolume", "kubernetes.io/vsphere-volume", nil, false)
	case s.PortworxVolume != nil:
		return direct("portworxVolume", "kubernetes.io/portworx-volume", nil, false)
	case s.ISCSI != nil:
		return direct("iscsi", "kubernetes.io/iscsi", nil, false)
	case s.FC != nil:
		return direct("fc", "kubernetes.io/fc", nil, false)
	case s.Glusterfs != nil:
		return direct("glusterfs", "kubernetes.io/glusterfs", nil, false)
	case s.FlexVolume != nil:
		return direct("flexVolume", s.FlexVolume.Driver, s.FlexVolume.Options, s.FlexVolume.SecretRef != nil)
	}
	return Use{}, false // of Secrets, ConfigMaps, the pod itself, images
}

// driver is the one behind a use; nil where it is not known.
func (u *Use) driver() *driver {
	if u.direct != nil {
		return u.direct
	}
	return u.place.driver()
}
