package catalog_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/catalog"
	"github.com/nist190/nist190/inventory"
)

const head = "apiVersion: nist190.dev/v1alpha1\nkind: Config\n" // lines 1 and 2

func TestMinimal(t *testing.T) {
	c, err := catalog.LoadFile("testdata/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(catalog.Checks(c)) != len(catalog.All()) || len(c.Runner().Settings) != 0 {
		t.Errorf("not the defaults: %+v", c)
	}
}

func TestMissingFile(t *testing.T) {
	if _, err := catalog.LoadFile(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that the file does not exist", err)
	}
}

func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		text string // behind head, unless it begins with ^
		want string // error per line, each without "f.yaml:"
	}{
		"empty file":        {"^", "1: the file is empty; it begins with apiVersion: nist190.dev/v1alpha1 and kind: Config"},
		"only comments":     {"^# nothing\n", "1: the file is empty; it begins with apiVersion: nist190.dev/v1alpha1 and kind: Config"},
		"a list":            {"^- a\n", "1: the file is no mapping; it begins with apiVersion: nist190.dev/v1alpha1 and kind: Config"},
		"another kind":      {"^apiVersion: v1\nkind: Secret\nstringData: {a: b}\n", "1: apiVersion: must be nist190.dev/v1alpha1\n2: kind: must be Config"},
		"without a version": {"^kind: Config\n", "1: apiVersion: must be nist190.dev/v1alpha1"},
		"two documents":     {"---\nkind: Config\n", "4: a second document; a configuration is one"},
		"syntax":            {"cluster: [\n", "3: did not find expected node content"},
		"binary":            {"^\x00", "1: binary data: it contains NUL bytes"},
		"duplicate key":     {"cluster: a\ncluster: b\n", "4: cluster is set twice, first in line 3: kubectl takes the last value, strict parsers refuse the document"},
		"YAML 1.1 boolean": {"allowAnnotations: yes\n",
			"3: allowAnnotations: plain yes is the boolean true to kubectl and a string to readers of YAML 1.2; quote it or write true"},
		"unknown field": {"thresholds:\n  failon: low\n", "4: thresholds.failon: unknown field; known are failOn, requireEvidence, newOnly, minStrength"},
		"unknown top field": {"includes: [other.yaml]\n", "3: includes: unknown field; known are apiVersion, kind, cluster, kubernetesVersion, world, asOf, checks, sensitivity, network, authn, images, teams, " +
			"interfaces, interfaceBudget, allowlist, suppressions, attestations, allowAnnotations, thresholds, append"},
		"null":           {"thresholds:\n  failOn:\n", "4: thresholds.failOn: has no value; give it one or remove it"},
		"empty name":     {"cluster: ''\n", "3: cluster: must not be empty"},
		"empty text":     {"thresholds: {failOn: ''}\n", "3: thresholds.failOn: must not be empty"},
		"number as text": {"kubernetesVersion: 1.30\n", "3: kubernetesVersion: a number where text is wanted; put it in quotes"},
		"text as list":   {"checks:\n  include: rbac-*\n", "4: checks.include: text where a list is wanted"},
		"text as bool":   {"allowAnnotations: 'true'\n", "3: allowAnnotations: text where true or false is wanted"},
		"list as object": {"thresholds: []\n", "3: thresholds: a list where a mapping is wanted"},
		"fraction":       {"interfaceBudget: 1.5\n", "3: interfaceBudget: a number where a whole number is wanted"},
		"negative":       {"interfaceBudget: -1\n", "3: interfaceBudget: must not be negative"},
		"version":        {"kubernetesVersion: latest\n", `3: kubernetesVersion: version "latest": want MAJOR.MINOR of Kubernetes`},
		"world":          {"world: flat\n", `3: world: "flat" is neither closed nor open`},
		"severity":       {"thresholds:\n  failOn: severe\n", `4: thresholds.failOn: unknown severity "severe"`},
		"strength":       {"thresholds:\n  minStrength: strong\n", `4: thresholds.minStrength: unknown evidence strength "strong"`},
		"risk":           {"checks:\n  risks: ['4.3.6']\n", `4: checks.risks[0]: "4.3.6" is none of the five risks, 4.3.1 to 4.3.5`},
		"glob without a match": {"checks:\n  include:\n    - rbac-*\n    - rback-*\n",
			`6: checks.include[1]: "rback-*" matches no check`},
		"bad glob":         {"checks: {exclude: ['rbac-[']}\n", `3: checks.exclude[0]: "rbac-[" is no valid pattern`},
		"nothing included": {"checks: {include: []}\n", "3: checks.include: is empty; give it an entry or remove it"},
		"no risk":          {"checks: {risks: []}\n", "3: checks.risks: is empty; give it an entry or remove it"},
		"no check left":    {"checks: {exclude: ['*']}\n", "3: checks: no check is left"},
		"label key":        {"append:\n  labels: [team, 'a b']\n", "4: append.labels[1]: \"a b\" is no label key: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"},

		"suppression without a reason": {"suppressions:\n  - checks: ['*']\n", "4: suppressions[0].reason: is required"},
		"suppression of everything":    {"suppressions:\n  - reason: because\n", `4: suppressions[0]: accepts every failure; if that is meant, write checks: ["*"]`},
		"suppression of no check":      {"suppressions:\n  - reason: because\n    checks:\n    - none-such\n", `6: suppressions[0].checks[0]: "none-such" matches no check`},
		"suppression until nonsense": {"suppressions:\n  - checks: ['*']\n    reason: because\n    expires: 2027-02-30\n",
			`6: suppressions[0].expires: date "2027-02-30": want YYYY-MM-DD`},
		"suppression of no finding": {"suppressions:\n  - fingerprint: abc\n    reason: because\n",
			"4: suppressions[0].fingerprint: is none: want v1: and 32 hexadecimal digits, as a report prints them"},
		"selector with a bad pattern": {"suppressions:\n  - reason: because\n    selector:\n      kinds: [Pod]\n      names: ['a[']\n",
			`7: suppressions[0].selector.names: "a[" is not a valid pattern`},
		"selector with a bad operator": {"suppressions:\n  - reason: because\n    selector:\n      podLabels:\n        matchExpressions: [{key: a, operator: Equals}]\n",
			`6: suppressions[0].selector.podLabels: "Equals" is not a valid label selector operator`},
		"selector with an unknown field": {"suppressions:\n  - reason: because\n    selector: {podlabels: {}}\n",
			"5: suppressions[0].selector.podlabels: unknown field; known are kinds, namespaces, names, labels, podLabels, namespaceLabels, images, containers, serviceAccounts, users, groups, nodes"},
		"selector with an empty list": {"suppressions:\n  - reason: because\n    selector:\n      namespaces: []\n",
			"6: suppressions[0].selector.namespaces: is empty; give it an entry or remove it"},

		"attestation of a sentence that is none": {"attestations:\n  - {sentence: 2z, statement: s, owner: o, expires: 2029-01-01}\n",
			`4: attestations[0].sentence: "2z" is no sentence of section 4.3`},
		"attestation of nothing": {"attestations:\n  - {statement: s, owner: o, expires: 2029-01-01}\n", "4: attestations[0]: names neither a check nor a sentence"},
		"attestation of two":     {"attestations:\n  - {check: '*', sentence: 2b, statement: s, owner: o, expires: 2029-01-01}\n", "4: attestations[0]: names both a check and a sentence"},
		"attestation of subjects of a sentence": {"attestations:\n  - {sentence: 2b, selector: {names: [a]}, statement: s, owner: o, expires: 2029-01-01}\n",
			"4: attestations[0].selector: a sentence has no subjects to select; attest a check"},
		"attestation by nobody": {"attestations:\n  - sentence: 2b\n", "4: attestations[0].statement: is required\n4: attestations[0].owner: is required\n4: attestations[0].expires: is required"},
		"attestation of the past": {"attestations:\n  - {sentence: 2b, statement: s, owner: o, from: 2029-01-02, expires: 2029-01-01}\n",
			"4: attestations[0].from: is after expires"},
		"attestation without an address": {"attestations:\n  - {sentence: 2b, statement: s, owner: o, evidence: see wiki, expires: 2029-01-01}\n",
			"4: attestations[0].evidence: is no URL"},

		"team without a name":  {"teams:\n  - subjects: [{kind: User, name: a}]\n", "4: teams[0].name: is required"},
		"team without people":  {"teams:\n  - name: a\n", "4: teams[0].subjects: is required"},
		"two teams":            {"teams:\n  - {name: a, subjects: [{kind: User, name: a}]}\n  - {name: a, subjects: [{kind: User, name: b}]}\n", `5: teams[1].name: "a" is the name of another one`},
		"subject kind":         {"teams:\n  - {name: a, subjects: [{kind: Role, name: a}]}\n", `4: teams[0].subjects[0].kind: "Role" is none of User, Group and ServiceAccount`},
		"subject without name": {"teams:\n  - {name: a, subjects: [{kind: User}]}\n", "4: teams[0].subjects[0].name: is required"},
		"user in a namespace":  {"teams:\n  - {name: a, subjects: [{kind: User, name: a, namespace: b}]}\n", "4: teams[0].subjects[0].namespace: a User has none"},
		"homeless account":     {"teams:\n  - {name: a, subjects: [{kind: ServiceAccount, name: a}]}\n", "4: teams[0].subjects[0].namespace: is required of a ServiceAccount"},

		"interface without a name": {"interfaces:\n  - {from: public, to: internal}\n", "4: interfaces[0].name: is required"},
		"interface from nowhere":   {"interfaces:\n  - {name: a, from: open, to: public}\n", `4: interfaces[0].from: "open" is no level; they are public, internal, confidential, restricted`},
		"interface by a protocol": {"interfaces:\n  - {name: a, from: public, to: internal, ports: [{protocol: HTTP, port: 80}]}\n",
			`4: interfaces[0].ports[0].protocol: "HTTP" is none of TCP, UDP and SCTP`},
		"interface at a port":  {"interfaces:\n  - {name: a, from: public, to: internal, ports: [{port: 70000}]}\n", "4: interfaces[0].ports[0].port: must be between 1 and 65535, inclusive"},
		"interface at a truth": {"interfaces:\n  - {name: a, from: public, to: internal, ports: [{port: true}]}\n", "4: interfaces[0].ports[0].port: true or false where a number or text is wanted"},
		"interface to an end":  {"interfaces:\n  - {name: a, from: public, to: internal, ports: [{port: 90, endPort: 80}]}\n", "4: interfaces[0].ports[0].endPort: must be a number from port to 65535"},

		"levels": {"sensitivity:\n  levels: [low, high, Low]\n  synonyms: {secret: top}\n  keys: []\n",
			`4: sensitivity.levels[2]: "Low" is there twice` + "\n" + `5: sensitivity.synonyms.secret: "top" is no level; the levels are low, high, Low` + "\n" +
				"6: sensitivity.keys: is empty; give it an entry or remove it"},
		"level of a rule": {"sensitivity:\n  rules:\n    - selector: {names: ['[']}\n      level: secret\n",
			`5: sensitivity.rules[0].selector.names: "[" is not a valid pattern` + "\n" + `6: sensitivity.rules[0].level: "secret" is no level; the levels are public, internal, confidential, restricted`},
		"rule about everything": {"sensitivity:\n  rules:\n    - level: public\n", `5: sensitivity.rules[0]: is about everything; if that is meant, write selector: {names: ["*"]}`},
		"interface between other levels": {"sensitivity: {levels: [low, high]}\ninterfaces:\n  - {name: a, from: low, to: public}\n",
			`5: interfaces[0].to: "public" is no level; they are low, high`},

		"plugin":               {"network:\n  plugin: Cilium\n", `4: network.plugin: "Cilium" is no name of a plugin: want lower-case letters, digits and hyphens, as in cilium or ovn-kubernetes`},
		"plugin that says yes": {"network:\n  enforcesNetworkPolicy: \"yes\"\n", `4: network.enforcesNetworkPolicy: text where true, false or "unknown" is wanted`},
		"plugin with a number": {"network:\n  ipBlockMatchesPods: 1\n", `4: network.ipBlockMatchesPods: a number where true, false or "unknown" is wanted`},
		"host network":         {"network: {hostNetwork: yes please}\n", `3: network.hostNetwork: "yes please": want ignored, enforced, unknown`},
		"blocks of pods": {"network:\n  podCIDRs: [10.0.0.0/8, 10.0.0.0, 10.1.0.0/8]\n  nodeCIDRs: []\n",
			`4: network.podCIDRs[1]: "10.0.0.0" is no CIDR` + "\n" + `4: network.podCIDRs[2]: "10.1.0.0/8" has bits of a host; the block is 10.0.0.0/8` + "\n" +
				"5: network.nodeCIDRs: is empty; give it an entry or remove it"},
		"a block twice":         {"network:\n  podCIDRs: [10.0.0.0/8, 10.0.0.0/8]\n", "4: network.podCIDRs[1]: 10.0.0.0/8 is there twice"},
		"field of the network":  {"network: {cni: cilium}\n", "3: network.cni: unknown field; known are plugin, enforcesNetworkPolicy, ipBlockMatchesPods, hostNetwork, podCIDRs, nodeCIDRs"},
		"directories":           {"authn:\n  directories: ['[', Okta, Okta]\n", `4: authn.directories[0]: "[" is no valid pattern` + "\n" + `4: authn.directories[2]: "Okta" is there twice`},
		"no directories":        {"authn: {directories: []}\n", "3: authn.directories: is empty; give it an entry or remove it"},
		"field of authn":        {"authn: {sso: true}\n", "3: authn.sso: unknown field; known are directories, smartCards"},
		"network without value": {"network:\n", "3: network: has no value; give it one or remove it"},

		"images of no level": {"images:\n  trusted:\n  - levels: [secret]\n    registries: [ghcr.io/acme]\n  digestFrom: top\n  signedFrom: 1\n",
			`5: images.trusted[0].levels[0]: "secret" is no level; they are public, internal, confidential, restricted` + "\n" +
				`7: images.digestFrom: "top" is no level; they are public, internal, confidential, restricted` + "\n" +
				"8: images.signedFrom: a number where text is wanted; put it in quotes"},
		"registries": {"images:\n  trusted:\n  - registries:\n    - acme/shop\n    - '*.example.com'\n    - https://ghcr.io\n    - ghcr.io/acme/app:1\n    - ghcr.io/acme/**\n    - ghcr.io//x\n    - ''\n    - ghcr.io\n    - ghcr.io\n",
			`6: images.trusted[0].registries[0]: "acme/shop" does not begin with a host; images without one come from docker.io: write docker.io/library/nginx, docker.io/acme` + "\n" +
				`7: images.trusted[0].registries[1]: "*.example.com" has a pattern for a host: a registry is trusted by its whole name` + "\n" +
				`8: images.trusted[0].registries[2]: "https://ghcr.io" is a URL; a registry is written as images are, without a scheme` + "\n" +
				`9: images.trusted[0].registries[3]: "ghcr.io/acme/app:1" has a tag or a digest; a registry has none` + "\n" +
				`10: images.trusted[0].registries[4]: "ghcr.io/acme/**": what lies below a path is trusted with it, ** is not needed` + "\n" +
				`11: images.trusted[0].registries[5]: "ghcr.io//x" has a component of its path that is empty or no valid pattern` + "\n" +
				"12: images.trusted[0].registries[6]: must not be empty\n" +
				`14: images.trusted[0].registries[8]: "ghcr.io" is there twice`},
		"registries of nobody": {"images:\n  trusted:\n  - levels: [public]\n", "5: images.trusted[0].registries: is required"},
		"no trust":             {"images: {trusted: []}\n", "3: images.trusted: is empty; give it an entry or remove it"},

		"grant of nothing": {"allowlist:\n  - subjects: [{kind: User, name: a}]\n", "4: allowlist[0].rules: is required"},
		"grant to do nothing": {"allowlist:\n  - subjects: [{kind: User, name: a}]\n    rules: [{}]\n",
			`5: allowlist[0].rules[0].verbs: is required` + "\n" + `5: allowlist[0].rules[0].apiGroups: is required; "" is the core group` + "\n" + `5: allowlist[0].rules[0].resources: is required`},
		"URLs in a namespace": {"allowlist:\n  - subjects: [{kind: User, name: a}]\n    namespaces: [b]\n    rules: [{verbs: [get], nonResourceURLs: [/x]}]\n",
			"6: allowlist[0].rules[0].nonResourceURLs: a grant in namespaces has none"},

		"everything at once, in the order of the file": {
			"allowAnnotations: 1\nthresholds:\n  failOn: grave\nsuppressions:\n  - checks: [nope]\n    expires: soon\n    because: x\nattestations: {}\n",
			"3: allowAnnotations: a number where true or false is wanted\n" +
				"5: thresholds.failOn: unknown severity \"grave\"\n" +
				"7: suppressions[0].reason: is required\n" +
				"7: suppressions[0].checks[0]: \"nope\" matches no check\n" +
				"8: suppressions[0].expires: date \"soon\": want YYYY-MM-DD\n" +
				"9: suppressions[0].because: unknown field; known are checks, selector, fingerprint, reason, owner, ticket, expires\n" +
				"10: attestations: a mapping where a list is wanted"},
	} {
		t.Run(name, func(t *testing.T) {
			text, whole := strings.CutPrefix(c.text, "^")
			if !whole {
				text = head + text
			}
			_, err := catalog.LoadConfig("f.yaml", []byte(text))
			if err == nil {
				t.Fatal("no error")
			}
			want := "f.yaml:" + strings.ReplaceAll(c.want, "\n", "\nf.yaml:")
			if err.Error() != want {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
			var typed *catalog.Error
			if !errors.As(err, &typed) || typed.Origin.Line == 0 {
				t.Errorf("no *Error with a line: %#v", err)
			}
		})
	}
}

func TestEmptyAllowlistAllowsNothing(t *testing.T) {
	c, err := catalog.LoadConfig("f.yaml", []byte(head+"allowlist: []\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Allowlist == nil || len(c.Runner().Settings) != 1 {
		t.Error("an empty allowlist is read as none")
	}
}

func TestOwnChecks(t *testing.T) {
	own := nist190.NewCheck(nist190.Metadata{ID: "acme-registry", Risk: nist190.UnboundedAdministrativeAccess}, nil)
	text := []byte(head + "checks: {exclude: [acme-registry]}\n")
	if _, err := catalog.LoadConfig("f.yaml", text); err == nil {
		t.Error("an unknown check is accepted")
	}
	c, err := catalog.LoadConfig("f.yaml", text, own)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(catalog.Checks(c)); n != len(catalog.All()) {
		t.Errorf("%d checks run, want those of the catalog", n)
	}
}

func TestValidateConfigMadeInGo(t *testing.T) {
	c := &catalog.Config{Suppressions: []nist190.Suppression{{Selector: inventory.Selector{Names: []string{"["}}}}}
	err := c.Validate()
	if err == nil || err.Error() != "suppressions[0].selector.names: \"[\" is not a valid pattern\nsuppressions[0].reason: is required" {
		t.Errorf("got %v", err)
	}
}
