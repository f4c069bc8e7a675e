package rbac_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/rbac"
)

// What ConfigMaps look like that do not do what their authors meant; most are issues of aws-iam-authenticator.
func TestAWSAuth(t *testing.T) {
	const node = "- rolearn: arn:aws:iam::111122223333:role/nodes\n  username: system:node:{{EC2PrivateDNSName}}\n  groups: [system:bootstrappers, system:nodes]\n"
	for name, tt := range map[string]struct {
		data   map[string]string
		want   []string // ARN -> user [groups], "!" in front where nobody is mapped
		faults []string // kind key[index]
	}{
		"as documented": {
			map[string]string{"mapRoles": node, "mapUsers": "- userarn: arn:aws:iam::111122223333:user/jane\n  username: jane\n  groups:\n  - writers\n", "mapAccounts": "- 012345678901\n- \"111122223333\"\n"},
			[]string{"arn:aws:iam::111122223333:role/nodes -> system:node:{{EC2PrivateDNSName}} [system:bootstrappers system:nodes]", "arn:aws:iam::111122223333:user/jane -> jane [writers]", "012345678901 ->  []", "111122223333 ->  []"},
			nil,
		},
		"keys are case-sensitive": {
			map[string]string{"mapusers": node, "MapRoles": node, "other": "x"}, nil,
			[]string{"unknown key MapRoles[-1]", "unknown key mapusers[-1]", "unknown key other[-1]"},
		},
		"fields are not": {
			map[string]string{"mapRoles": "- rOlEaRn: arn:aws:iam::111122223333:role/r\n  USERNAME: u\n  Groups: [g]\n"},
			[]string{"arn:aws:iam::111122223333:role/r -> u [g]"}, nil,
		},
		"one line of the groups is indented too far": {
			map[string]string{"mapRoles": "- rolearn: arn:aws:iam::111122223333:role/r\n  username: u\n  groups:\n  - system:bootstrappers\n   - system:nodes\n"},
			[]string{"arn:aws:iam::111122223333:role/r -> u [system:bootstrappers - system:nodes]"}, []string{"merged groups mapRoles[0]"},
		},
		"a path in the role": {
			map[string]string{"mapRoles": "- rolearn: arn:aws:iam::111122223333:role/team/r\n  username: u\n"},
			[]string{"!arn:aws:iam::111122223333:role/team/r -> u []"}, []string{"never matches mapRoles[0]"},
		},
		"a path in the user": {
			map[string]string{"mapUsers": "- userarn: arn:aws:iam::111122223333:user/team/jane\n  username: u\n"},
			[]string{"arn:aws:iam::111122223333:user/team/jane -> u []"}, nil,
		},
		"the ARN of a session": {
			map[string]string{"mapRoles": "- rolearn: arn:aws:sts::111122223333:assumed-role/r/jane\n  username: u\n"},
			[]string{"!arn:aws:sts::111122223333:assumed-role/r/jane -> u []"}, []string{"never matches mapRoles[0]"},
		},
		"a group of IAM": {
			map[string]string{"mapUsers": "- userarn: arn:aws:iam::111122223333:group/admins\n  username: u\n"},
			[]string{"!arn:aws:iam::111122223333:group/admins -> u []"}, []string{"never matches mapUsers[0]"},
		},
		"no ARN": {
			map[string]string{"mapUsers": "- userarn: jane\n  username: u\n- username: v\n- just text\n"},
			[]string{"!jane -> u []"}, []string{"never matches mapUsers[0]", "incomplete entry mapUsers[1]", "incomplete entry mapUsers[2]"},
		},
		"a user among the roles is found": {
			map[string]string{"mapRoles": "- rolearn: arn:aws:iam::111122223333:user/jane\n  username: u\n"},
			[]string{"arn:aws:iam::111122223333:user/jane -> u []"}, nil,
		},
		"the wrong list": {
			map[string]string{"mapRoles": "- userarn: arn:aws:iam::111122223333:user/jane\n  username: u\n"},
			nil, []string{"unknown field mapRoles[0]", "incomplete entry mapRoles[0]"},
		},
		"group instead of groups": {
			map[string]string{"mapRoles": "- rolearn: arn:aws:iam::111122223333:role/r\n  username: u\n  group: [g]\n"},
			[]string{"arn:aws:iam::111122223333:role/r -> u []"}, []string{"unknown field mapRoles[0]"},
		},
		"groups as one text": {
			map[string]string{"mapRoles": "- rolearn: arn:aws:iam::111122223333:role/r\n  username: u\n  groups: system:masters\n"},
			[]string{"arn:aws:iam::111122223333:role/r -> u []"}, []string{"wrong type mapRoles[0]"},
		},
		"a list in another case is one role": {
			map[string]string{"mapRoles": "- {rolearn: 'arn:aws:iam::111122223333:role/R', username: a}\n- {rolearn: 'arn:aws:iam::111122223333:role/r', username: b}\n"},
			[]string{"!arn:aws:iam::111122223333:role/R -> a []", "arn:aws:iam::111122223333:role/r -> b []"}, []string{"replaced entry mapRoles[0]"},
		},
		"and two users of whom either is found": {
			map[string]string{"mapUsers": "- {userarn: 'arn:aws:iam::111122223333:user/J', username: a}\n- {userarn: 'arn:aws:iam::111122223333:user/j', username: b}\n- {userarn: 'arn:aws:iam::111122223333:user/J', username: c}\n"},
			[]string{"!arn:aws:iam::111122223333:user/J -> a []", "arn:aws:iam::111122223333:user/j -> b []", "arn:aws:iam::111122223333:user/J -> c []"},
			[]string{"ambiguous entries mapUsers[0]", "replaced entry mapUsers[0]", "ambiguous entries mapUsers[1]"},
		},
		"broken YAML costs its key": {
			map[string]string{"mapRoles": "- rolearn: [\n", "mapUsers": "- {userarn: 'arn:aws:iam::111122223333:user/j', username: a}\n"},
			[]string{"arn:aws:iam::111122223333:user/j -> a []"}, []string{"no YAML mapRoles[-1]"},
		},
		"a mapping for a list": {
			map[string]string{"mapRoles": "rolearn: x\n", "mapAccounts": "a: b\n"}, nil, []string{"wrong type mapRoles[-1]", "no YAML mapAccounts[-1]"},
		},
		"nothing":              {map[string]string{"mapRoles": "", "mapUsers": "``", "mapAccounts": `""`}, nil, nil},
		"an account too short": {map[string]string{"mapAccounts": "- 1234\n"}, []string{"!1234 ->  []"}, []string{"never matches mapAccounts[0]"}},
		"templates": {
			map[string]string{"mapRoles": "- {rolearn: 'arn:aws:iam::111122223333:role/r', username: '{{ SessionName }}', groups: ['{{AccountID}}-x']}\n"},
			[]string{"arn:aws:iam::111122223333:role/r -> {{ SessionName }} [{{AccountID}}-x]"}, []string{"unknown template mapRoles[0]"},
		},
		"permission sets": {
			map[string]string{"mapRoles": "- {sso: {permissionSetName: Admin, accountID: '111122223333'}, username: u}\n- {rolearn: 'arn:aws:iam::111122223333:role/r', sso: {}, username: u}\n"},
			[]string{"! -> u []"}, []string{"never matches mapRoles[0]", "incomplete entry mapRoles[1]"},
		},
		"patterns": {
			map[string]string{"mapRoles": "- {rolearn: 'arn:aws:iam::111122223333:role/Dev*', username: u}\n"},
			[]string{"arn:aws:iam::111122223333:role/Dev* -> u []"}, []string{"pattern in the ARN mapRoles[0]"},
		},
	} {
		a := rbac.ParseAWSAuth(tt.data)
		var got, faults []string
		for _, m := range a.All() {
			s := fmt.Sprintf("%s -> %s %v", m.ARN, m.Username, m.Groups)
			if m.Never != "" {
				s = "!" + s
			}
			got = append(got, s)
		}
		for _, f := range a.Faults {
			faults = append(faults, fmt.Sprintf("%s %s[%d]", f.Kind, f.Key, f.Index))
			if f.Msg == "" {
				t.Errorf("%s: a fault without a message: %+v", name, f)
			}
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if d := cmp.Diff(tt.faults, faults); d != "" {
			t.Errorf("%s: faults: %s", name, d)
		}
	}
}

// What somebody put into the ConfigMap by mistake is quoted only where it is a name.
func TestAWSAuthQuotesNoValues(t *testing.T) {
	for _, text := range []string{"hunter2", "- hunter2", "- {rolearn: [hunter2], username: {a: hunter2}, groups: hunter2}", "- [hunter2]", "hunter2: [", "{{hunter2", "- {rolearn: hunter2, userarn: hunter2}"} {
		for _, key := range []string{"mapRoles", "mapUsers", "mapAccounts"} {
			for _, f := range rbac.ParseAWSAuth(map[string]string{key: text}).Faults {
				if strings.Contains(f.Msg, "hunter2") {
					t.Errorf("%s: %q: %s", key, text, f.Msg)
				}
			}
		}
	}
}

func FuzzAWSAuth(f *testing.F) {
	f.Add("- rolearn: arn:aws:iam::1:role/r\n  groups: [a]", "- 1")
	f.Add("- {userarn: x, sso: {}}", "a: b")
	f.Fuzz(func(t *testing.T, text, accounts string) {
		a := rbac.ParseAWSAuth(map[string]string{"mapRoles": text, "mapUsers": text, "mapAccounts": accounts})
		if b := rbac.ParseAWSAuth(map[string]string{"mapRoles": text, "mapUsers": text, "mapAccounts": accounts}); !cmp.Equal(a.All(), b.All()) || !slices.Equal(a.Faults, b.Faults) {
			t.Error("two readings differ")
		}
	})
}
