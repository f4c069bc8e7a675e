package network

import (
	"strings"
)

// Labels that Calico gives to endpoints (https://docs.tigera.io/calico/latest/network-policy/get-started/calico-policy/calico-labels).
const (
	calicoNameLabel       = "projectcalico.org/name" // of namespaces and service accounts
	calicoNamespaceLabel  = "projectcalico.org/namespace"
	calicoAccountLabel    = "projectcalico.org/serviceaccount"
	calicoOrchestrator    = "projectcalico.org/orchestrator"
	calicoNamespacePrefix = "pcns."
	calicoAccountPrefix   = "pcsa."
)

func noLabel(string) (string, truth) { return "", no }

// namespaceThing is a namespace, or that of what has none.
func namespaceThing(n *namespaceInfo) calicoThing {
	if n == nil {
		return calicoThing{label: noLabel, global: true}
	}
	return calicoThing{label: n.calicoLabel}
}

func (n *namespaceInfo) calicoLabel(key string) (string, truth) {
	if key == calicoNameLabel {
		return n.named()
	}
	return n.label(key)
}

func (c *class) calicoLabel(key string) (string, truth) {
	switch key {
	case calicoNamespaceLabel:
		return c.in.named()
	case calicoAccountLabel:
		return c.account()
	case calicoOrchestrator:
		return "k8s", yes
	}
	if of, ok := strings.CutPrefix(key, calicoNamespacePrefix); ok {
		return c.in.calicoLabel(of)
	}
	if of, ok := strings.CutPrefix(key, calicoAccountPrefix); ok {
		return c.accountLabel(of)
	}
	return c.label(key)
}

// accountLabel: labels of service accounts are not read, but for their name.
func (c *class) accountLabel(key string) (string, truth) {
	if key == calicoNameLabel {
		return c.account()
	}
	return "", maybe
}

func (s *calicoSet) label(key string) (string, truth) {
	if s.namespace != nil {
		if key == calicoNamespaceLabel {
			return s.namespace.named()
		}
		if of, ok := strings.CutPrefix(key, calicoNamespacePrefix); ok {
			return s.namespace.calicoLabel(of)
		}
	}
	value, ok := s.labels[key]
	return value, truthOf(ok)
}
