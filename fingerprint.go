package nist190

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/nist190/nist190/inventory"
)

// fingerprint hashes what a finding is about and nothing of how it was written. The prefix is the version of the recipe.
func fingerprint(checkID string, subject inventory.Ref, key string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{checkID, subject.Group, subject.Kind, subject.Namespace, subject.Name, key}, "\x00")))
	return "v1:" + hex.EncodeToString(sum[:16])
}
