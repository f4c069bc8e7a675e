package nodetrust

import (
	"fmt"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/nist190/nist190/nodetrust"
)

// world is a cluster of few names, so that pods, volumes and claims often meet.
type world struct {
	r           *rand.Rand
	nodes       []string
	pods        []*corev1.Pod
	volumes     []*corev1.PersistentVolume
	attachments []*storagev1.VolumeAttachment
	shuffled    []runtime.Object // in the order of arrival
}

const (
	nodes, pods, volumes, attachments = 10, 40, 12, 8
	names                             = 8 // of each kind, in each namespace
)

var namespaces = []string{"a", "b", "c"}

func newWorld(seed uint64) *world {
	w := &world{r: rand.New(rand.NewPCG(seed, 435))}
	for i := range nodes {
		w.nodes = append(w.nodes, fmt.Sprintf("n%d", i))
	}
	for i := range pods {
		w.pods = append(w.pods, w.pod(i))
	}
	for i := range volumes {
		w.volumes = append(w.volumes, w.volume(i))
	}
	for i := range attachments {
		a := &storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("va%d", i)}, Spec: storagev1.VolumeAttachmentSpec{Attacher: "csi", NodeName: w.nodes[w.r.IntN(nodes)]}}
		w.attachments = append(w.attachments, a)
	}
	w.shuffled = w.objects()
	w.r.Shuffle(len(w.shuffled), func(i, j int) { w.shuffled[i], w.shuffled[j] = w.shuffled[j], w.shuffled[i] })
	return w
}

func (w *world) objects() []runtime.Object {
	var out []runtime.Object
	for _, o := range w.pods {
		out = append(out, o)
	}
	for _, o := range w.volumes {
		out = append(out, o)
	}
	for _, o := range w.attachments {
		out = append(out, o)
	}
	return out
}

// things are all names that anything may have.
func (w *world) things() []nodetrust.Thing {
	var out []nodetrust.Thing
	for _, ns := range namespaces {
		for i := range names {
			out = append(out,
				nodetrust.Thing{Kind: nodetrust.Secret, Namespace: ns, Name: fmt.Sprintf("secret%d", i)},
				nodetrust.Thing{Kind: nodetrust.ConfigMap, Namespace: ns, Name: fmt.Sprintf("configmap%d", i)},
				nodetrust.Thing{Kind: nodetrust.ServiceAccount, Namespace: ns, Name: fmt.Sprintf("account%d", i)},
				nodetrust.Thing{Kind: nodetrust.Claim, Namespace: ns, Name: fmt.Sprintf("claim%d", i)},
				nodetrust.Thing{Kind: nodetrust.ResourceClaim, Namespace: ns, Name: fmt.Sprintf("device%d", i)},
			)
		}
		for i := range pods { // claims that a pod has for itself
			out = append(out, nodetrust.Thing{Kind: nodetrust.Claim, Namespace: ns, Name: fmt.Sprintf("p%d-v0", i)})
		}
	}
	for i := range volumes {
		out = append(out, nodetrust.Thing{Kind: nodetrust.Volume, Name: fmt.Sprintf("pv%d", i)})
	}
	for i := range attachments {
		out = append(out, nodetrust.Thing{Kind: nodetrust.Attachment, Name: fmt.Sprintf("va%d", i)})
	}
	return out
}

// name is empty now and then, which the visitors skip.
func (w *world) name(kind string) string {
	if w.r.IntN(12) == 0 {
		return ""
	}
	return fmt.Sprintf("%s%d", kind, w.r.IntN(names))
}

func (w *world) one(in int) bool { return w.r.IntN(in) == 0 }

func (w *world) pod(i int) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("p%d", i), Namespace: namespaces[w.r.IntN(len(namespaces))]}}
	p.Status.Phase = []corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed}[w.r.IntN(4)]
	if !w.one(6) {
		p.Spec.NodeName = w.nodes[w.r.IntN(nodes)]
	}
	if w.one(8) {
		p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: ""}
	}
	// The admission plugin ServiceAccount gives every pod one.
	p.Spec.ServiceAccountName = fmt.Sprintf("account%d", w.r.IntN(names))
	for range w.r.IntN(2) {
		p.Spec.ImagePullSecrets = append(p.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: w.name("secret")})
	}
	for i := range w.r.IntN(3) {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: fmt.Sprintf("v%d", i), VolumeSource: w.source()})
	}
	p.Spec.Containers = []corev1.Container{w.container("c")}
	if w.one(3) {
		p.Spec.InitContainers = []corev1.Container{w.container("i")}
	}
	if w.one(3) {
		c := w.container("e")
		p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: c.Name, Env: c.Env, EnvFrom: c.EnvFrom}}}
	}
	w.devices(p)
	return p
}

func (w *world) devices(p *corev1.Pod) {
	for i := range w.r.IntN(3) {
		c := corev1.PodResourceClaim{Name: fmt.Sprintf("d%d", i)}
		name := fmt.Sprintf("device%d", w.r.IntN(names))
		switch w.r.IntN(4) {
		case 0:
			c.ResourceClaimName = &name
		case 1, 2:
			template := "t"
			c.ResourceClaimTemplateName = &template
			if w.one(2) {
				s := corev1.PodResourceClaimStatus{Name: c.Name}
				if !w.one(4) {
					s.ResourceClaimName = &name
				}
				p.Status.ResourceClaimStatuses = append(p.Status.ResourceClaimStatuses, s)
			}
		}
		p.Spec.ResourceClaims = append(p.Spec.ResourceClaims, c)
	}
	if w.one(6) {
		p.Status.ExtendedResourceClaimStatus = &corev1.PodExtendedResourceClaimStatus{ResourceClaimName: w.name("device")}
	}
}

func (w *world) container(name string) corev1.Container {
	c := corev1.Container{Name: name}
	if w.one(3) {
		c.EnvFrom = append(c.EnvFrom, corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: w.name("secret")}}})
	}
	if w.one(3) {
		c.EnvFrom = append(c.EnvFrom, corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: w.name("configmap")}}})
	}
	if w.one(3) {
		c.Env = append(c.Env, corev1.EnvVar{Name: "s", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: w.name("secret")}}}})
	}
	if w.one(3) {
		c.Env = append(c.Env, corev1.EnvVar{Name: "c", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: w.name("configmap")}}}})
	}
	c.Env = append(c.Env, corev1.EnvVar{Name: "x", Value: "y"})
	return c
}

func (w *world) local() *corev1.LocalObjectReference {
	if w.one(5) {
		return nil
	}
	return &corev1.LocalObjectReference{Name: w.name("secret")}
}

// source is any source of a volume; now and then a second one is set, of which nothing counts.
func (w *world) source() (s corev1.VolumeSource) {
	for range 1 + w.r.IntN(8)/7 {
		switch w.r.IntN(16) {
		case 0:
			s.AzureFile = &corev1.AzureFileVolumeSource{SecretName: w.name("secret")}
		case 1:
			s.CephFS = &corev1.CephFSVolumeSource{SecretRef: w.local()}
		case 2:
			s.Cinder = &corev1.CinderVolumeSource{SecretRef: w.local()}
		case 3:
			s.FlexVolume = &corev1.FlexVolumeSource{SecretRef: w.local()}
		case 4:
			s.Projected = &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: w.name("secret")}}},
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: w.name("configmap")}}},
				{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
			}}
		case 5:
			s.RBD = &corev1.RBDVolumeSource{SecretRef: w.local()}
		case 6:
			s.Secret = &corev1.SecretVolumeSource{SecretName: w.name("secret")}
		case 7:
			s.ScaleIO = &corev1.ScaleIOVolumeSource{SecretRef: w.local()}
		case 8:
			s.ISCSI = &corev1.ISCSIVolumeSource{SecretRef: w.local()}
		case 9:
			s.StorageOS = &corev1.StorageOSVolumeSource{SecretRef: w.local()}
		case 10:
			s.CSI = &corev1.CSIVolumeSource{NodePublishSecretRef: w.local()}
		case 11:
			s.ConfigMap = &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: w.name("configmap")}}
		case 12:
			s.Ephemeral = &corev1.EphemeralVolumeSource{}
		default:
			s.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{ClaimName: w.name("claim")}
		}
	}
	return s
}

func (w *world) ref() *corev1.SecretReference {
	if w.one(5) {
		return nil
	}
	r := &corev1.SecretReference{Name: w.name("secret"), Namespace: namespaces[w.r.IntN(len(namespaces))]}
	if w.one(3) {
		r.Namespace = ""
	}
	return r
}

func (w *world) volume(i int) *corev1.PersistentVolume {
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("pv%d", i)}}
	if !w.one(6) {
		pv.Spec.ClaimRef = &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: namespaces[w.r.IntN(len(namespaces))], Name: fmt.Sprintf("claim%d", w.r.IntN(names))}
		if w.one(4) {
			pv.Spec.ClaimRef.Name = fmt.Sprintf("p%d-v0", w.r.IntN(pods))
		}
	}
	s := &pv.Spec.PersistentVolumeSource
	switch w.r.IntN(11) {
	case 0:
		s.AzureFile = &corev1.AzureFilePersistentVolumeSource{SecretName: w.name("secret")}
		if ns := namespaces[w.r.IntN(len(namespaces))]; w.one(2) {
			s.AzureFile.SecretNamespace = &ns
		}
	case 1:
		s.CephFS = &corev1.CephFSPersistentVolumeSource{SecretRef: w.ref()}
	case 2:
		s.Cinder = &corev1.CinderPersistentVolumeSource{SecretRef: w.ref()}
	case 3:
		s.FlexVolume = &corev1.FlexPersistentVolumeSource{SecretRef: w.ref()}
	case 4:
		s.RBD = &corev1.RBDPersistentVolumeSource{SecretRef: w.ref()}
	case 5:
		s.ScaleIO = &corev1.ScaleIOPersistentVolumeSource{SecretRef: w.ref()}
	case 6:
		s.ISCSI = &corev1.ISCSIPersistentVolumeSource{SecretRef: w.ref()}
	case 7:
		s.StorageOS = &corev1.StorageOSPersistentVolumeSource{}
		if r := w.ref(); r != nil {
			s.StorageOS.SecretRef = &corev1.ObjectReference{Namespace: r.Namespace, Name: r.Name}
		}
	default:
		s.CSI = &corev1.CSIPersistentVolumeSource{
			Driver: "csi", NodePublishSecretRef: w.ref(), NodeStageSecretRef: w.ref(), NodeExpandSecretRef: w.ref(),
			ControllerPublishSecretRef: w.ref(), ControllerExpandSecretRef: w.ref(),
		}
	}
	return pv
}
