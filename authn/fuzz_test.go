package authn

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/inventory"
)

// FuzzExpressed: any text is read, and says something of every name.
func FuzzExpressed(f *testing.F) {
	for _, s := range []string{"claims.sub", `'a' + claims.b`, `a ? [b, 'c'] : d.map(x, 'y' + x)`, `((`, `'\`, `"`, `?:`, `a ? b`, `[[`, `.map(a,)`, ")("} {
		f.Add(s, "!user.username.startsWith('system:')")
	}
	f.Fuzz(func(t *testing.T, expression, rule string) {
		n := expressed(expression)
		n.limit(rule, "user.username")
		n.limit(rule, "user.groups")
		_ = n.String()
		if n.Can("system:masters") != Impossible && n.CanCollide() == Impossible {
			t.Errorf("%q with %q: system:masters can be given, and nothing collides", expression, rule)
		}
	})
}

// FuzzReadDirectory: errors quote nothing of what they were given.
func FuzzReadDirectory(f *testing.F) {
	for _, s := range []string{"userName,active\na,true\n", `{"Resources":[{"userName":"a"}]}`, `[{"userName":"a","active":false}]`, "a;b\n", "\"", "{", "userName\n\"a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const secret = "hunter2canary"
		if _, err := ReadDirectory(strings.NewReader(text + secret)); err != nil && strings.Contains(err.Error(), secret) {
			t.Error(err)
		}
		if _, _, err := ReadAuditEvents(strings.NewReader(text)); err != nil {
			t.Error(err)
		}
	})
}

// FuzzAWSAuth: any content of the ConfigMap is read, and each of its entries has a verdict.
func FuzzAWSAuth(f *testing.F) {
	f.Add("- rolearn: arn:aws:iam::1:role/a\n  groups: [a]\n", "- userarn: b\n", `["1"]`)
	f.Add("- {", "a: b", "1")
	f.Add("- null\n- [a]", `""`, "- a\n- b")
	o, err := inventory.NewObject(inventory.Item{JSON: []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"aws-auth","namespace":"kube-system"}}`)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, roles, users, accounts string) {
		m := &mappings{}
		m.configMap(o, &corev1.ConfigMap{Data: map[string]string{"mapRoles": roles, "mapUsers": users, "mapAccounts": accounts}})
		for i := range m.entries {
			e := &m.entries[i]
			e.mistaken()
			e.spoofable()
			users, groups := e.give()
			if e.Fault != "" && (!users.None() || !groups.None()) {
				t.Errorf("%+v is dropped, and gives names", e)
			}
		}
	})
}
