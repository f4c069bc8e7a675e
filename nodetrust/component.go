package nodetrust

import "github.com/nist190/nist190"

// componentChecks ask how the components of the cluster trust one another: how nodes join, and what kubelets, the API
// server and etcd accept.
func componentChecks() []nist190.Check {
	return nil
}
