package network_test

import (
	"os"
	"testing"

	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/network"
)

func TestDefaultDeny(t *testing.T) {
	checktest.Run(t, network.DefaultDeny(), os.DirFS("testdata/network-default-deny"))
}
