package sensitivity_test

import (
	"context"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

const (
	infra        = sensitivity.Infra
	unclassified = sensitivity.Unclassified
)

func namespace(name, labels string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {%s}}}", name, labels)
}

func pod(namespace, labels, spec string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: %s, labels: {%s}}, spec: {%s containers: [{name: c, image: i}]}}", namespace, labels, spec)
}

var podRef = inventory.Ref{Kind: "Pod", Namespace: "ns", Name: "p"}

// The sources and how they merge.
func TestWorkloadLevels(t *testing.T) {
	rule := func(s inventory.Selector, level string) sensitivity.Scheme {
		return sensitivity.Scheme{Rules: []sensitivity.Rule{{Selector: s, Level: level, Reason: "because"}}}
	}
	secret := "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: ns, labels: {sensitivity: restricted}}}"
	mounts := "volumes: [{name: v, secret: {secretName: s}}],"
	for _, tt := range []struct {
		name    string
		scheme  sensitivity.Scheme
		objects []string
		want    sensitivity.Level // by everything
		declare sensitivity.Level // by what was declared
		because string
	}{
		{"nothing", sensitivity.Scheme{}, []string{pod("ns", "", "")}, 0, 0, "nothing says so"},
		{"its namespace", sensitivity.Scheme{}, []string{namespace("ns", "sensitivity: internal"), pod("ns", "", "")}, 2, 2, `namespace "ns" is labelled sensitivity=internal`},
		{"the first key counts", sensitivity.Scheme{}, []string{namespace("ns", "data-classification: restricted, nist190.dev/sensitivity: public"), pod("ns", "", "")}, 1, 1, `namespace "ns" is labelled nist190.dev/sensitivity=public`},
		{"a pod may raise", sensitivity.Scheme{}, []string{namespace("ns", "sensitivity: internal"), pod("ns", "sensitivity: high", "")}, 4, 4, `Pod "p" is labelled sensitivity=high`},
		{"and not lower", sensitivity.Scheme{}, []string{namespace("ns", "sensitivity: confidential"), pod("ns", "sensitivity: public", "")}, 3, 3, `namespace "ns" is labelled sensitivity=confidential`},
		{"nor be infrastructure", sensitivity.Scheme{}, []string{pod("ns", "sensitivity: infra", "")}, unclassified, unclassified, `Pod "p" is labelled sensitivity=infra, which only a namespace, a node or a rule may say`},
		{"a namespace may", sensitivity.Scheme{}, []string{namespace("ns", "sensitivity: infra"), pod("ns", "", "")}, infra, infra, `namespace "ns" is labelled sensitivity=infra`},
		{"a typo hides what was meant", sensitivity.Scheme{}, []string{namespace("ns", "sensitivity: confidental"), pod("ns", "sensitivity: public", "")}, unclassified, unclassified, `namespace "ns" is labelled sensitivity=confidental, which is no level`},
		{"so does one of the pod", sensitivity.Scheme{}, []string{namespace("ns", "sensitivity: internal"), pod("ns", "sensitivity: restrcted", "")}, unclassified, unclassified, `Pod "p" is labelled sensitivity=restrcted, which is no level`},
		{"Pod Security is none", sensitivity.Scheme{}, []string{namespace("ns", "pod-security.kubernetes.io/enforce: restricted"), pod("ns", "", "")}, unclassified, unclassified, "nothing says so"},
		{"a rule by namespace", rule(inventory.Selector{Namespaces: []string{"n*"}}, "confidential"), []string{pod("ns", "", "")}, 3, 3, `rule 0 of the scheme matches namespace "ns" (because)`},
		{"a rule by pod label", rule(inventory.Selector{PodLabels: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}}, "moderate"), []string{namespace("ns", "sensitivity: low"), pod("ns", "app: db", "")}, 3, 3, `rule 0 of the scheme matches Pod "p" (because)`},
		{"a rule does not lower", rule(inventory.Selector{Namespaces: []string{"ns"}}, "public"), []string{namespace("ns", "sensitivity: low"), pod("ns", "", "")}, 2, 2, `namespace "ns" is labelled sensitivity=low`},
		{"but can make it infrastructure", rule(inventory.Selector{Namespaces: []string{"ns"}}, "infra"), []string{namespace("ns", "sensitivity: low"), pod("ns", "sensitivity: oops", "")}, infra, infra, `rule 0 of the scheme matches namespace "ns" (because)`},
		{"data raises", sensitivity.Scheme{}, []string{namespace("ns", "sensitivity: internal"), pod("ns", "", mounts), secret}, 4, 2, `Secret "s" is labelled sensitivity=restricted`},
		{"data of another namespace does not", sensitivity.Scheme{}, []string{pod("other", "", mounts), secret, pod("ns", "", "")}, 0, 0, "nothing says so"},
		{"a rule over data that was not collected", rule(inventory.Selector{Kinds: []string{"Secret"}, Names: []string{"s"}}, "restricted"), []string{pod("ns", "", mounts)}, 4, 0, `rule 0 of the scheme matches Secret "s" (because)`},
	} {
		inv := testobj.Inventory(t, tt.objects, sensitivity.Setting.Set(tt.scheme))
		all, err := sensitivity.LevelsOf(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		declared, err := sensitivity.DeclaredOf(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		if c := all.Workload(podRef); c.Level != tt.want || c.Because() != tt.because {
			t.Errorf("%s: %s because %s, want %s because %s", tt.name, all.Name(c.Level), c.Because(), all.Name(tt.want), tt.because)
		}
		if c := declared.Workload(podRef); c.Level != tt.declare {
			t.Errorf("%s: declared %s, want %s", tt.name, all.Name(c.Level), all.Name(tt.declare))
		}
	}
}

// Every way in which a pod uses data counts; what only the kubelet uses does not.
func TestDataThatPodsUse(t *testing.T) {
	data := []string{
		"{apiVersion: v1, kind: Secret, metadata: {name: d, namespace: ns, labels: {sensitivity: restricted}}}",
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: d, namespace: ns, labels: {sensitivity: restricted}}}",
		"{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: d, namespace: ns, labels: {sensitivity: restricted}}}",
	}
	container := func(field string) string {
		return fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: ns}, spec: {containers: [{name: c, image: i, %s}]}}", field)
	}
	for text, want := range map[string]sensitivity.Level{
		pod("ns", "", "volumes: [{name: v, secret: {secretName: d}}],"):                                 4,
		pod("ns", "", "volumes: [{name: v, configMap: {name: d}}],"):                                    4,
		pod("ns", "", "volumes: [{name: v, persistentVolumeClaim: {claimName: d}}],"):                   4,
		pod("ns", "", "volumes: [{name: v, projected: {sources: [{secret: {name: d}}]}}],"):             4,
		pod("ns", "", "volumes: [{name: v, projected: {sources: [{configMap: {name: d}}]}}],"):          4,
		pod("ns", "", "initContainers: [{name: i, image: i, envFrom: [{secretRef: {name: d}}]}],"):      4,
		container("env: [{name: A, valueFrom: {secretKeyRef: {name: d, key: k}}}]"):                     4,
		container("env: [{name: A, valueFrom: {configMapKeyRef: {name: d, key: k}}}]"):                  4,
		container("envFrom: [{configMapRef: {name: d}}]"):                                               4,
		pod("ns", "", "imagePullSecrets: [{name: d}],"):                                                 0,
		pod("ns", "", "volumes: [{name: v, secret: {secretName: other}}],"):                             0,
		pod("ns", "", "ephemeralContainers: [{name: e, image: i, envFrom: [{secretRef: {name: d}}]}],"): 4,
	} {
		l, err := sensitivity.LevelsOf(context.Background(), testobj.Inventory(t, append([]string{text}, data...)))
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Workload(podRef).Level; got != want {
			t.Errorf("%s: %s", text, l.Name(got))
		}
	}
}

func TestWorkloadAndTemplateLabels(t *testing.T) {
	deployment := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: ns, labels: {%s}}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b, %s}}, spec: {containers: [{name: c, image: i}]}}}}`
	ref := inventory.Ref{Group: "apps", Kind: "Deployment", Namespace: "ns", Name: "d"}
	for _, tt := range []struct {
		own, template string
		want          sensitivity.Level
		because       string
	}{
		{"sensitivity: public", "sensitivity: internal", 2, `the pod template of Deployment "d" is labelled sensitivity=internal`},
		{"sensitivity: restricted", "c: d", 4, `Deployment "d" is labelled sensitivity=restricted`},
		{"c: d", "sensitivity: nonsense", 0, `the pod template of Deployment "d" is labelled sensitivity=nonsense, which is no level`},
	} {
		l, err := sensitivity.LevelsOf(context.Background(), testobj.Inventory(t, []string{fmt.Sprintf(deployment, tt.own, tt.template)}))
		if err != nil {
			t.Fatal(err)
		}
		if c := l.Workload(ref); c.Level != tt.want || c.Because() != tt.because {
			t.Errorf("%s, %s: %s because %s", tt.own, tt.template, l.Name(c.Level), c.Because())
		}
	}
}

func TestNamespaces(t *testing.T) {
	inv := testobj.Inventory(t, []string{namespace("kube-system", ""), namespace("kube-public", "sensitivity: public"), pod("implied", "", "")})
	l, err := sensitivity.DeclaredOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]sensitivity.Level{"kube-system": infra, "kube-public": 1, "implied": unclassified, "absent": unclassified} {
		if got := l.Namespace(name).Level; got != want {
			t.Errorf("%s: %s, want %s", name, l.Name(got), l.Name(want))
		}
	}
}

func TestNodes(t *testing.T) {
	scheme := sensitivity.Scheme{Rules: []sensitivity.Rule{
		{Selector: inventory.Selector{Kinds: []string{"Node"}, Labels: &metav1.LabelSelector{MatchLabels: map[string]string{"pool": "vault"}}}, Level: "restricted"},
	}}
	node := func(name, labels string) string {
		return fmt.Sprintf("{apiVersion: v1, kind: Node, metadata: {name: %s, labels: {%s}}}", name, labels)
	}
	for labels, want := range map[string]sensitivity.Level{
		"": unclassified, "sensitivity.node-restriction.kubernetes.io/level: internal, sensitivity: restricted": 2, "sensitivity: oops": unclassified,
		"pool: vault": 4, "pool: vault, sensitivity: public": 4, "pool: web": unclassified,
		`node-role.kubernetes.io/control-plane: ""`: infra, `node-role.kubernetes.io/master: "", sensitivity: internal`: 2, "sensitivity: infra": infra,
	} {
		inv := testobj.Inventory(t, []string{node("node-1", labels)}, sensitivity.Setting.Set(scheme))
		l, err := sensitivity.LevelsOf(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		o, _ := inv.Lookup(inventory.Ref{Kind: "Node", Name: "node-1"})
		if got := l.Node(inv, o); got.Level != want {
			t.Errorf("%s: %s because %s, want %s", labels, l.Name(got.Level), got.Because(), l.Name(want))
		}
	}
}

func TestMistakenSchemeIsAnError(t *testing.T) {
	inv := testobj.Inventory(t, nil, sensitivity.Setting.Set(sensitivity.Scheme{Keys: []string{"not a key"}}))
	if _, err := sensitivity.LevelsOf(context.Background(), inv); err == nil {
		t.Error("it was accepted")
	}
}

func ExampleLevelsOf() {
	inv, err := inventory.Collect(context.Background(), nil, exampleSource())
	if err != nil {
		fmt.Println(err)
	}
	levels, err := sensitivity.LevelsOf(context.Background(), inv)
	if err != nil {
		fmt.Println(err)
	}
	class := levels.Workload(inventory.Ref{Kind: "Pod", Namespace: "payments", Name: "card-vault"})
	fmt.Printf("%s: %s\n", levels.Name(class.Level), class.Because())
	// Output: restricted: Pod "card-vault" is labelled sensitivity=restricted
}

func exampleSource() inventory.Source {
	return inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, into *inventory.Collector) error {
		into.CoverRest(inventory.Complete, "example")
		for _, text := range []string{
			`{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments", "labels": {"sensitivity": "confidential"}}}`,
			`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "card-vault", "namespace": "payments", "labels": {"sensitivity": "restricted"}}, "spec": {"containers": [{"name": "vault", "image": "vault"}]}}`,
		} {
			o, err := inventory.NewObject(inventory.Item{JSON: []byte(text)})
			if err != nil {
				return err
			}
			into.Add(o)
		}
		return nil
	})
}
