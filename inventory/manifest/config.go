package manifest

import (
	"cmp"
	"io"

	"github.com/nist190/nist190/internal/yamlx"
)

// World says what the absence of an object from the manifests means.
type World uint8

const (
	// Closed is the zero value: the manifests are all there is. What they do not contain does not exist, except for
	// kinds that only a cluster has (Node, Lease, effective control-plane configuration), which are NotCollected when
	// absent. The RBAC objects that Kubernetes creates by itself are assumed present.
	Closed World = iota
	// Open: there is more than the manifests. Kinds that occur are Partial, all others NotCollected.
	Open
)

func (w World) String() string {
	if w == Open {
		return "open"
	}
	return "closed"
}

// Config limits and directs reading. The zero value is useful: defaults stand for zero fields.
type Config struct {
	// World is the meaning of absence.
	World World
	// DefaultNamespace is where namespaced objects without a namespace go, as with kubectl -n; default "default".
	DefaultNamespace string
	// Exclude lists patterns (path.Match) of files and directories that a walk leaves out, each noted as a Problem. A
	// pattern without a slash is matched with every name, one with a slash with the path below the root of the walk.
	Exclude []string
	// Stdin is what the path "-" stands for. Without it "-" is an input that cannot be read: this package does not touch
	// the standard input of the process by itself.
	Stdin io.Reader
	// NoBootstrap leaves out the RBAC objects that Kubernetes creates by itself.
	NoBootstrap bool
	// OnlyNeeds leaves out the documents of kinds that the needs of a collection do not name, without parsing them: the
	// kinds are NotCollected, and mistakes in such documents stay unseen. It is for hosts that ask one question; where
	// there are no needs it changes nothing.
	OnlyNeeds bool

	MaxFileSize     int64 // bytes of one file or reader; default 512 MiB
	MaxDocumentSize int64 // bytes of one YAML document, JSON values are limited by the file alone; default 64 MiB
	MaxDocuments    int   // documents in one file; default 1,000,000
	MaxDepth        int   // levels of nesting in one document; default 1000, at most 9999
	MaxExpansion    int   // bytes that aliases may add to one document; default 32 MiB
	Parallelism     int   // documents parsed at the same time; default GOMAXPROCS
}

func (c Config) maxFileSize() int64     { return cmp.Or(c.MaxFileSize, 512<<20) }
func (c Config) maxDocumentSize() int64 { return cmp.Or(c.MaxDocumentSize, 64<<20) }
func (c Config) maxDocuments() int      { return cmp.Or(c.MaxDocuments, 1_000_000) }

func (c Config) limits() yamlx.Limits {
	return yamlx.Limits{Depth: c.MaxDepth, Expansion: c.MaxExpansion}
}
