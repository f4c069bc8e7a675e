package nodetrust

import (
	corev1 "k8s.io/api/core/v1"
)

// reference is one thing that a pod or a volume refers to by name, and the place of the name below its spec.
type reference struct {
	thing Thing
	path  []any
}

// visitSecrets gives the Secrets that a pod refers to, as VisitPodSecretNames of pkg/api/v1/pod/util.go does: every kind of
// container, and of a volume the first source that is set. A false return ends the visit.
func visitSecrets(spec *corev1.PodSpec, visit func(name string, path ...any) bool) {
	give := func(name string, path ...any) bool { return name == "" || visit(name, path...) }
	for i, r := range spec.ImagePullSecrets {
		if !give(r.Name, "imagePullSecrets", i, "name") {
			return
		}
	}
	if !visitContainers(spec, func(list string, i int, from []corev1.EnvFromSource, env []corev1.EnvVar) bool {
		for j := range from {
			if r := from[j].SecretRef; r != nil && !give(r.Name, list, i, "envFrom", j, "secretRef", "name") {
				return false
			}
		}
		for j := range env {
			if v := env[j].ValueFrom; v != nil && v.SecretKeyRef != nil && !give(v.SecretKeyRef.Name, list, i, "env", j, "valueFrom", "secretKeyRef", "name") {
				return false
			}
		}
		return true
	}) {
		return
	}
	for i := range spec.Volumes {
		v := &spec.Volumes[i].VolumeSource
		local := func(kind, field string, r *corev1.LocalObjectReference) bool {
			return r == nil || give(r.Name, "volumes", i, kind, field, "name")
		}
		more := true
		switch {
		case v.AzureFile != nil:
			more = give(v.AzureFile.SecretName, "volumes", i, "azureFile", "secretName")
		case v.CephFS != nil:
			more = local("cephfs", "secretRef", v.CephFS.SecretRef)
		case v.Cinder != nil:
			more = local("cinder", "secretRef", v.Cinder.SecretRef)
		case v.FlexVolume != nil:
			more = local("flexVolume", "secretRef", v.FlexVolume.SecretRef)
		case v.Projected != nil:
			for j := range v.Projected.Sources {
				if s := v.Projected.Sources[j].Secret; s != nil && !give(s.Name, "volumes", i, "projected", "sources", j, "secret", "name") {
					return
				}
			}
		case v.RBD != nil:
			more = local("rbd", "secretRef", v.RBD.SecretRef)
		case v.Secret != nil:
			more = give(v.Secret.SecretName, "volumes", i, "secret", "secretName")
		case v.ScaleIO != nil:
			more = local("scaleIO", "secretRef", v.ScaleIO.SecretRef)
		case v.ISCSI != nil:
			more = local("iscsi", "secretRef", v.ISCSI.SecretRef)
		case v.StorageOS != nil:
			more = local("storageos", "secretRef", v.StorageOS.SecretRef)
		case v.CSI != nil:
			more = local("csi", "nodePublishSecretRef", v.CSI.NodePublishSecretRef)
		}
		if !more {
			return
		}
	}
}

// visitConfigMaps is VisitPodConfigmapNames of pkg/api/v1/pod/util.go.
func visitConfigMaps(spec *corev1.PodSpec, visit func(name string, path ...any) bool) {
	give := func(name string, path ...any) bool { return name == "" || visit(name, path...) }
	if !visitContainers(spec, func(list string, i int, from []corev1.EnvFromSource, env []corev1.EnvVar) bool {
		for j := range from {
			if r := from[j].ConfigMapRef; r != nil && !give(r.Name, list, i, "envFrom", j, "configMapRef", "name") {
				return false
			}
		}
		for j := range env {
			if v := env[j].ValueFrom; v != nil && v.ConfigMapKeyRef != nil && !give(v.ConfigMapKeyRef.Name, list, i, "env", j, "valueFrom", "configMapKeyRef", "name") {
				return false
			}
		}
		return true
	}) {
		return
	}
	for i := range spec.Volumes {
		switch v := &spec.Volumes[i].VolumeSource; {
		case v.Projected != nil:
			for j := range v.Projected.Sources {
				if s := v.Projected.Sources[j].ConfigMap; s != nil && !give(s.Name, "volumes", i, "projected", "sources", j, "configMap", "name") {
					return
				}
			}
		case v.ConfigMap != nil:
			if !give(v.ConfigMap.Name, "volumes", i, "configMap", "name") {
				return
			}
		}
	}
}

func visitContainers(spec *corev1.PodSpec, visit func(list string, i int, from []corev1.EnvFromSource, env []corev1.EnvVar) bool) bool {
	for i := range spec.InitContainers {
		if c := &spec.InitContainers[i]; !visit("initContainers", i, c.EnvFrom, c.Env) {
			return false
		}
	}
	for i := range spec.Containers {
		if c := &spec.Containers[i]; !visit("containers", i, c.EnvFrom, c.Env) {
			return false
		}
	}
	for i := range spec.EphemeralContainers {
		if c := &spec.EphemeralContainers[i].EphemeralContainerCommon; !visit("ephemeralContainers", i, c.EnvFrom, c.Env) {
			return false
		}
	}
	return true
}

// claimName is the claim behind a volume of a pod, whose own claims are named POD-VOLUME
// (component-helpers/storage/ephemeral).
func claimName(pod string, v *corev1.Volume) (name string, path []any) {
	switch {
	case v.PersistentVolumeClaim != nil:
		return v.PersistentVolumeClaim.ClaimName, []any{"persistentVolumeClaim", "claimName"}
	case v.Ephemeral != nil:
		return pod + "-" + v.Name, []any{"ephemeral"}
	}
	return "", nil
}

// visitClaims gives the ResourceClaims of a pod that exist (PodClaims of dynamic-resource-allocation/resourceclaim): those
// that it names, and those that were made for it, which its status tells.
func visitClaims(spec *corev1.PodSpec, status *corev1.PodStatus, visit func(name string, path ...any)) {
	for i := range spec.ResourceClaims {
		c := &spec.ResourceClaims[i]
		switch {
		case c.ResourceClaimName != nil:
			visit(*c.ResourceClaimName, "spec", "resourceClaims", i, "resourceClaimName")
		case c.ResourceClaimTemplateName != nil && status != nil:
			for j := range status.ResourceClaimStatuses {
				if s := &status.ResourceClaimStatuses[j]; s.Name == c.Name {
					if s.ResourceClaimName != nil {
						visit(*s.ResourceClaimName, "status", "resourceClaimStatuses", j, "resourceClaimName")
					}
					break
				}
			}
		}
	}
	if status != nil && status.ExtendedResourceClaimStatus != nil && status.ExtendedResourceClaimStatus.ResourceClaimName != "" {
		visit(status.ExtendedResourceClaimStatus.ResourceClaimName, "status", "extendedResourceClaimStatus", "resourceClaimName")
	}
}

// visitPodThings gives everything that the node of a pod may read for it. pod is the name that claims of its own have.
// The path of each lies below the pod's spec but for what the status tells, which begins above it.
func visitPodThings(namespace, pod string, spec *corev1.PodSpec, status *corev1.PodStatus, visit func(r reference) bool) {
	more := true
	give := func(kind Kind, name string, path ...any) bool {
		more = more && visit(reference{Thing{kind, namespace, name}, path})
		return more
	}
	at := func(path []any) []any { return append([]any{"spec"}, path...) }
	if spec.ServiceAccountName != "" {
		give(ServiceAccount, spec.ServiceAccountName, "spec", "serviceAccountName")
	}
	visitSecrets(spec, func(name string, path ...any) bool { return give(Secret, name, at(path)...) })
	visitConfigMaps(spec, func(name string, path ...any) bool { return give(ConfigMap, name, at(path)...) })
	for i := range spec.Volumes {
		if name, path := claimName(pod, &spec.Volumes[i]); name != "" {
			give(Claim, name, append([]any{"spec", "volumes", i}, path...)...)
		}
	}
	visitClaims(spec, status, func(name string, path ...any) { give(ResourceClaim, name, path...) })
}

// visitVolumeSecrets gives the Secrets of a volume that kubelets read, which leaves out those of a CSI driver's controller
// (VisitPVSecretNames of pkg/api/v1/persistentvolume/util.go). Where the volume names no namespace it is the claim's, but
// for sources that must name one.
func visitVolumeSecrets(pv *corev1.PersistentVolume, visit func(namespace, name string, path ...any)) {
	ofClaim := ""
	if r := pv.Spec.ClaimRef; r != nil {
		ofClaim = r.Namespace
	}
	give := func(namespace, byDefault, name string, path ...any) {
		if namespace == "" {
			namespace = byDefault
		}
		if name != "" {
			visit(namespace, name, append([]any{"spec"}, path...)...)
		}
	}
	ref := func(r *corev1.SecretReference, byDefault string, path ...any) {
		if r != nil {
			give(r.Namespace, byDefault, r.Name, append(path, "name")...)
		}
	}
	switch s := &pv.Spec.PersistentVolumeSource; {
	case s.AzureFile != nil:
		ns := ""
		if s.AzureFile.SecretNamespace != nil {
			ns = *s.AzureFile.SecretNamespace
		}
		give(ns, ofClaim, s.AzureFile.SecretName, "azureFile", "secretName")
	case s.CephFS != nil:
		ref(s.CephFS.SecretRef, ofClaim, "cephfs", "secretRef")
	case s.Cinder != nil:
		ref(s.Cinder.SecretRef, "", "cinder", "secretRef")
	case s.FlexVolume != nil:
		ref(s.FlexVolume.SecretRef, ofClaim, "flexVolume", "secretRef")
	case s.RBD != nil:
		ref(s.RBD.SecretRef, ofClaim, "rbd", "secretRef")
	case s.ScaleIO != nil:
		ref(s.ScaleIO.SecretRef, ofClaim, "scaleIO", "secretRef")
	case s.ISCSI != nil:
		ref(s.ISCSI.SecretRef, ofClaim, "iscsi", "secretRef")
	case s.StorageOS != nil:
		if r := s.StorageOS.SecretRef; r != nil {
			give(r.Namespace, "", r.Name, "storageos", "secretRef", "name")
		}
	case s.CSI != nil:
		ref(s.CSI.NodePublishSecretRef, "", "csi", "nodePublishSecretRef")
		ref(s.CSI.NodeStageSecretRef, "", "csi", "nodeStageSecretRef")
		ref(s.CSI.NodeExpandSecretRef, "", "csi", "nodeExpandSecretRef")
	}
}
