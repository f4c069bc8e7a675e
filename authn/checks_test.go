package authn_test

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190/authn"
	"github.com/nist190/nist190/checktest"
	"github.com/nist190/nist190/inventory"
)

// settingsOf are what some fixtures assume.
var settingsOf = map[string][]inventory.Value{
	"authn-approved-directory": {authn.LoginProfile.Set(authn.Profile{Directories: []string{"https://login.example.com/*", "Dex ldap", "AWS IAM"}})},
	"authn-orphan-account": {authn.DirectoryExport.Set(export(`userName,active,type,displayName
alice@example.com,true,user,Alice
carol@example.com,false,user,Carol
g-1,true,group,ops
`))},
}

func export(csv string) *authn.Export {
	e, err := authn.ReadDirectory(strings.NewReader(csv))
	if err != nil {
		panic(err)
	}
	return e
}

// TestLoginChecks runs the fixtures of every check about logins, and wants a failing, a passing and one without evidence of each.
func TestLoginChecks(t *testing.T) {
	for _, c := range authn.LoginChecks() {
		id := c.Metadata().ID
		t.Run(id, func(t *testing.T) {
			dir := os.DirFS("testdata/" + id)
			for _, name := range []string{"fail.yaml", "pass.yaml", "missing.yaml"} {
				if _, err := fs.Stat(dir, name); err != nil && !slices.Contains(asksPeople, id) {
					t.Errorf("%s: %v", id, err)
				}
			}
			checktest.Run(t, c, dir, settingsOf[id]...)
		})
	}
}

// asksPeople are checks that only a person answers: they neither pass nor fail by themselves.
var asksPeople = []string{"authn-emergency-access"}
