package rbac_test

import (
	"os"
	"testing"

	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/rbac"
)

func TestClusterAdminBinding(t *testing.T) {
	checktest.Run(t, rbac.ClusterAdminBinding(), os.DirFS("testdata/rbac-cluster-admin-binding"))
}
