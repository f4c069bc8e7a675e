package authn_test

import (
	"os"
	"testing"

	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/checktest"
)

func TestServiceAccountTokenSecret(t *testing.T) {
	checktest.Run(t, authn.ServiceAccountTokenSecret(), os.DirFS("testdata/authn-service-account-token-secret"))
}
