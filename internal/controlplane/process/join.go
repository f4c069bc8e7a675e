package process

import (
	"time"

	"github.com/nist190/nist190/internal/redact"
)

// Join is how a node finds the cluster that it joins, and by what it knows it.
type Join struct {
	Node         string // the name that the node is told to have; empty where it is not told
	ControlPlane bool   // it becomes a replica of the control plane
	Method       Method
	Endpoint     string // of the API server
	CAHashes     []string
	SkipCA       bool   // it trusts whoever answers
	File         string // path or URL of a kubeconfig
	Token        Payload
	// Fallback: the token is the one with which servers join as well.
	Fallback bool
	Source   string
	Place
}

// Method is how a joining node learns the cluster's CA.
type Method uint8

const (
	ByToken Method = iota // from the ConfigMap kube-public/cluster-info, signed with the token
	ByFile                // from a kubeconfig
	ByHash                // from the API server, compared with a hash that the token holds (k3s, RKE2)
)

// Token is a credential by which nodes are let in.
type Token struct {
	Payload
	TTL     *time.Duration // zero never ends; nil where nothing is said and the installer's default counts
	Expires *time.Time
	Usages  []string // nil stands for the installer's default
	Groups  []string // nil stands for the installer's default
	// Certificates: it lets nobody in, but decrypts the keys of the control plane that kubeadm uploads for replicas.
	Certificates bool
	Source       string
	Place
}

// Payload is what is known of a credential that was removed from its document.
type Payload struct {
	Class  redact.Class // empty where there is none
	Length int64
}

// Literal: the credential itself is written down, not a placeholder for it.
func (p Payload) Literal() bool {
	switch p.Class {
	case "", redact.Empty, redact.Placeholder:
		return false
	}
	return true
}
