package nodetrust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/phrase"
)

// insecureSuites: crypto/tls InsecureCipherSuites of Go 1.25, from which component-base/cli/flag (ciphersuites_flag.go) takes
// what it warns about.
var insecureSuites = []string{
	"TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA",
	"TLS_RSA_WITH_AES_128_CBC_SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_GCM_SHA384",
	"TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
	"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
}

// weakTLS says what is weak about the TLS of who serves.
func weakTLS(who, minVersion string, suites []string) string {
	var weak []string
	for _, s := range suites {
		if slices.Contains(insecureSuites, strings.TrimSpace(s)) {
			weak = append(weak, strings.TrimSpace(s))
		}
	}
	switch {
	case !controlplane.MinTLS(minVersion):
		return fmt.Sprintf("%s accepts TLS older than 1.2 (%s)", who, minVersion)
	case len(weak) > 0:
		return fmt.Sprintf("%s offers weak suites: %s", who, phrase.Shorten(weak))
	}
	return ""
}
