package manifest

import (
	"path"
	"strings"

	"github.com/nist190/nist190/internal/format"
)

// class says what a document is.
type class uint8

const (
	apiObject   class = iota
	notAnObject       // it tries to be an object and lacks what makes it one
	foreign           // of another tool
)

// classify tells manifests from the many other YAML files beside them. A document counts as an attempt at an object when
// it has a kind or an apiVersion; the other tools that use these words are listed.
func classify(uri string, h header) class {
	switch {
	case !h.isMap || !h.looksLikeObject():
		return foreign
	case h.isObject():
		if isForeignGroup(h) {
			return foreign
		}
		return apiObject
	case isForeignFile(path.Base(uri), h):
		return foreign
	}
	return notAnObject
}

// foreignGroups belong to tools that borrowed the form of API objects for files that no cluster sees.
var foreignGroups = map[string]bool{
	"kustomize.config.k8s.io": true, "config.kubernetes.io": true, // kustomize, kpt functions
	"kpt.dev": true, "config.kpt.dev": true, "fn.kpt.dev": true,
	"kind.x-k8s.io": true, "k3d.io": true, "ctlptl.dev": true, "skaffold": true, "tilt.dev": true, "backstage.io": true,
	"kuttl.dev": true, "chainsaw.kyverno.io": true, "cli.kyverno.io": true, "test.gatekeeper.sh": true,
	"krew.googlecontainertools.github.com": true, "devfile.io": true, "score.dev": true,
	"client.authentication.k8s.io": true,
	// requests to an API server, which stores none of them
	"admission.k8s.io": true, "authorization.k8s.io": true, "authentication.k8s.io": true,
}

func isForeignGroup(h header) bool {
	group := h.group()
	if group == "" { // versions such as "skaffold/v2" have a group, "backstage.io" has none
		return foreignGroups[h.apiVersion]
	}
	return foreignGroups[group]
}

// isForeignFile decides on documents that have only one of kind and apiVersion.
func isForeignFile(base string, h header) bool {
	stem := strings.TrimSuffix(strings.ToLower(base), path.Ext(base))
	switch {
	case stem == "kustomization", strings.HasPrefix(stem, "values"), stem == "chart", stem == "requirements",
		stem == "skaffold":
		return true
	case h.apiVersion != "" && h.chart: // Chart.yaml under another name
		return true
	case !h.hasVersion && h.kind == strings.ToLower(h.kind) && !h.hasMetadata: // kinds of objects are capitalized
		return true
	}
	return false
}

// isReport reports answers of /flagz, which are named after the component (k8s.io/apiserver/pkg/server/flagz/api).
func isReport(h header) bool { return h.kind == "Flagz" && h.group() == "config.k8s.io" }

// isConfiguration reports kinds that are read from files by a component and need no name.
func isConfiguration(h header) bool {
	switch group := h.group(); group {
	case "":
		return h.kind == "Config" || h.kind == "EncryptionConfig"
	case format.Group, "config.k8s.io", "kubeadm.k8s.io", "audit.k8s.io", "apiserver.k8s.io", "eksctl.io",
		"abac.authorization.kubernetes.io":
		return true
	default:
		return strings.HasSuffix(group, ".config.k8s.io")
	}
}
