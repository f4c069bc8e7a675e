package authn

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/inventory"
)

// randomPolicy has rules that single people, namespaces and objects out, mostly of what actions are about.
func randomPolicy(rng *rand.Rand) *config.AuditPolicy {
	pick := func(of []string, odds int) []string {
		if rng.IntN(odds) > 0 {
			return nil
		}
		var out []string
		for range 1 + rng.IntN(2) {
			out = append(out, of[rng.IntN(len(of))])
		}
		return out
	}
	p := &config.AuditPolicy{OmitStages: pick([]string{"RequestReceived"}, 2)}
	for range 1 + rng.IntN(5) {
		r := config.AuditRule{Level: auditLevels[rng.IntN(4)], Users: pick([]string{"alice", "system:kube-proxy", "system:serviceaccount:shop:x", "system:anonymous"}, 4),
			UserGroups: pick([]string{"devs", "system:nodes", "system:authenticated", "system:serviceaccounts:shop", "system:unauthenticated"}, 4),
			Verbs:      pick([]string{"get", "list", "create", "update"}, 3), Namespaces: pick([]string{"shop", "kube-system", ""}, 4),
			OmitStages: pick([]string{"ResponseComplete", "RequestReceived", "Panic"}, 4)}
		if rng.IntN(2) == 0 {
			r.Resources = []config.AuditResources{{Group: []string{"", "*", "rbac.authorization.k8s.io"}[rng.IntN(3)],
				Resources: pick([]string{"secrets", "pods/*", "*", "roles", "*/token"}, 1), ResourceNames: pick([]string{"a", "b"}, 4)}}
		}
		p.Rules = append(p.Rules, r)
	}
	if rng.IntN(2) == 0 {
		p.Rules = append(p.Rules, config.AuditRule{Level: "Metadata"})
	}
	return p
}

// everybody is a small world: who may ask, where, and of what.
func everybody(a []AuditQuestion) []AuditQuestion {
	var out []AuditQuestion
	for _, q := range a {
		for _, who := range []struct {
			name   string
			groups []string
		}{
			{"alice", nil}, {"alice", []string{"devs"}}, {"bob", nil}, {"bob", []string{"devs"}}, {"system:serviceaccount:shop:x", []string{"system:serviceaccounts", "system:serviceaccounts:shop"}},
			{"system:serviceaccount:shop:y", []string{"system:serviceaccounts", "system:serviceaccounts:shop"}}, {"system:anonymous", []string{"system:unauthenticated"}},
		} {
			q.User, q.Groups = who.name, who.groups
			if who.name != "system:anonymous" {
				q.Groups = append([]string{"system:authenticated"}, who.groups...)
			}
			namespaces := []string{"shop", "kube-system", "other"}
			if slices.Contains(clusterScoped, q.Resource) {
				namespaces = []string{""}
			} else if q.Verb == "list" || q.Verb == "watch" {
				namespaces = append(namespaces, "")
			}
			for _, ns := range namespaces {
				for _, name := range []string{"a", "b", "c"} {
					q.Namespace, q.Name = ns, name
					out = append(out, q)
				}
			}
		}
	}
	return out
}

// TestBlindSpotsAsBruteForce asks every request of a small world: where one of an action is not recorded a spot is found,
// and what is found is not recorded.
func TestBlindSpotsAsBruteForce(t *testing.T) {
	found, clean := 0, 0
	for seed := range uint64(3000) {
		p := &AuditPolicy{randomPolicy(rand.New(rand.NewPCG(seed, 19)))}
		for _, a := range auditActions() {
			spot, ok := p.blindSpot(&a)
			if ok {
				found++
				if x := p.Evaluate(&spot.request); x.Recorded(a.staysOpen) || x.Rule != spot.rule {
					t.Fatalf("seed %d: %s: %+v is recorded by rule %d", seed, a.key, spot, x.Rule)
				}
				continue
			}
			clean++
			for _, q := range everybody(a.requests) {
				if x := p.Evaluate(&q); !x.Recorded(a.staysOpen) {
					t.Fatalf("seed %d: %s: %+v is not recorded (rule %d), and no spot was found: %+v", seed, a.key, q, x.Rule, p.config)
				}
			}
		}
	}
	if found < 5000 || clean < 2000 {
		t.Errorf("%d found, %d clean", found, clean)
	}
}

// TestLeaksAsBruteForce does the same for bodies.
func TestLeaksAsBruteForce(t *testing.T) {
	leaky, clean := 0, 0
	for seed := range uint64(3000) {
		p := &AuditPolicy{randomPolicy(rand.New(rand.NewPCG(seed, 20)))}
		got := map[string]bool{}
		for _, l := range p.leaks() {
			got[l.what] = true
		}
		want := map[string]bool{}
		for _, l := range auditBodies {
			for _, q := range everybody([]AuditQuestion{{Verb: l.verb, Group: l.group, Resource: l.request[0], Subresource: l.request[1]}}) {
				if p.Evaluate(&q).Level >= l.level {
					want[l.what] = true
				}
			}
		}
		for what := range want {
			if !got[what] {
				t.Fatalf("seed %d: %s is recorded, and is not found: %+v", seed, what, p.config)
			}
		}
		if len(got) > 0 {
			leaky++
		} else {
			clean++
		}
	}
	if leaky < 500 || clean < 500 {
		t.Errorf("%d leaky, %d clean", leaky, clean)
	}
}

// TestDrivers holds every row of the table to what a row has to have.
func TestDrivers(t *testing.T) {
	seen := map[string]bool{}
	for i := range drivers {
		d := &drivers[i]
		for _, n := range d.names {
			if seen[n] {
				t.Errorf("%s is there twice", n)
			}
			seen[n] = true
			name := strings.Replace(n, "*", "my-namespace.", 1)
			if got, ok := driverOf(name); !ok || got != d {
				t.Errorf("%s is not found", name)
			}
		}
		if !strings.HasPrefix(d.document, "https://") || d.read == "" && d.off {
			t.Errorf("%s: the source is missing", d.names[0])
		}
		if !d.always && d.because == "" || d.always && len(d.switches) > 0 {
			t.Errorf("%s: what holds by default is not said", d.names[0])
		}
		p, said := d.protect(nil, false)
		if said != "" || p.Encrypted == Yes && !d.always && d.where != inMemory {
			t.Errorf("%s: nothing is said, and %s is %s", d.names[0], said, p.Encrypted)
		}
		if d.always && p.Strength != inventory.VendorAsserted {
			t.Errorf("%s: the vendor's word is %s", d.names[0], p.Strength)
		}
	}
	for _, name := range []string{"", "csi.ceph.com", "xrbd.csi.ceph.com", "ebs.csi.aws.com.example", "azure"} {
		if d, ok := driverOf(name); ok {
			t.Errorf("%q is taken for %s", name, d.names[0])
		}
	}
}

// TestDriverParameters: what nobody documents decides nothing, case of names does not matter, and nothing but a switch, a
// Secret or the vendor makes a volume encrypted.
func TestDriverParameters(t *testing.T) {
	for i := range drivers {
		d := &drivers[i]
		for seed := range uint64(200) {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			params := map[string]string{}
			values := append([]string{"true", "TRUE", "false", "no", "", "1"}, d.on...)
			for _, k := range slices.Concat(d.switches, d.customer) {
				if rng.IntN(2) == 0 {
					params[k] = values[rng.IntN(len(values))]
				}
			}
			secret := rng.IntN(2) == 0
			p, said := d.protect(params, secret)
			noisy := map[string]string{"type": "x", "encryption-of-mine": "true", "x-encrypted": "true"}
			for k, v := range params {
				noisy[strings.ToUpper(k)] = v
			}
			q, saidNoisy := d.protect(noisy, secret)
			if fmt.Sprint(p) != fmt.Sprint(q) || said != saidNoisy {
				t.Fatalf("%s: %v\n%v %s\n%v %s", d.names[0], params, p, said, q, saidNoisy)
			}
			on := d.always || d.where == inMemory || d.secret && len(d.switches) == 0 && secret
			for _, k := range d.switches {
				if v, ok := params[k]; ok && d.isOn(v) && (!d.secret || secret) {
					on = true
				}
			}
			if on != (p.Encrypted == Yes) {
				t.Fatalf("%s: %v with a Secret %v: %s", d.names[0], params, secret, p.Encrypted)
			}
			if p.Custody == CustomerKey && !slices.ContainsFunc(d.customer, func(k string) bool { return params[k] != "" }) {
				t.Fatalf("%s: %v: nobody named a key", d.names[0], params)
			}
		}
	}
}
