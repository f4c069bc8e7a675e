package placement

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

// suggested is the policy that Suggest writes for a restricted namespace.
func suggested(t *testing.T) *admissionregistrationv1.ValidatingAdmissionPolicy {
	t.Helper()
	inv, err := inventory.Collect(t.Context(), nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, c *inventory.Collector) error {
		for _, text := range []string{
			`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"pay","labels":{"nist190.dev/sensitivity":"restricted"}}}`,
			`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"pay"},"spec":{"containers":[{"name":"c","image":"i"}]}}`,
		} {
			o, err := inventory.NewObject(inventory.Item{JSON: []byte(text)})
			if err != nil {
				return err
			}
			c.Add(o)
		}
		c.CoverRest(inventory.Complete, "")
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	s, err := placement.Suggest(t.Context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	var policy admissionregistrationv1.ValidatingAdmissionPolicy
	text, err := json.Marshal(s.Policies[0])
	if err == nil {
		err = json.Unmarshal(text, &policy)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &policy
}

// The suggested policy, as the API server's plugin evaluates it, lets a pod in where its node selector names the level,
// and never otherwise, an error included.
func TestSuggestedPolicy(t *testing.T) {
	const key = "sensitivity.node-restriction.kubernetes.io/level"
	policy := suggested(t)
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		t.Fatal(err)
	}
	vars := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	var conditions []cel.ExpressionAccessor
	for _, v := range policy.Spec.Validations {
		conditions = append(conditions, &validating.ValidationCondition{Expression: v.Expression, Message: v.Message})
	}
	none := compiler.CompileCondition(nil, vars, environment.StoredExpressions)
	messages := compiler.CompileCondition(make([]cel.ExpressionAccessor, len(conditions)), cel.OptionalVariableDeclarations{}, environment.StoredExpressions)
	validator := validating.NewValidator(compiler.CompileCondition(conditions, vars, environment.StoredExpressions), nil, none, messages, policy.Spec.FailurePolicy, nil)

	admitted := 0
	r := rand.New(rand.NewPCG(1, 439))
	for range 2000 {
		pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "pay"}}
		pod.Spec.Tolerations = tolerations(r, 1)
		if r.IntN(4) > 0 {
			pod.Spec.NodeSelector = map[string]string{}
			if r.IntN(3) > 0 {
				pod.Spec.NodeSelector[key] = pick(r, []string{"restricted", "restricted", "public", "", "Restricted"})
			}
			if r.IntN(3) == 0 {
				pod.Spec.NodeSelector["level"] = "restricted"
			}
		}
		if r.IntN(4) == 0 {
			pod.Spec.NodeName = "n1"
		}
		gvr, gvk := corev1.SchemeGroupVersion.WithResource("pods"), corev1.SchemeGroupVersion.WithKind("Pod")
		attributes := admission.NewAttributesRecord(pod, nil, gvk, pod.Namespace, pod.Name, gvr, "", admission.Create, &metav1.CreateOptions{}, false, nil)
		result := validator.Validate(t.Context(), gvr, &admission.VersionedAttributes{Attributes: attributes, VersionedKind: gvk, VersionedObject: admission.NewLazyObject(pod)}, nil,
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "pay"}}, celconfig.RuntimeCELCostBudget, nil)
		if len(result.Decisions) == 0 {
			t.Fatal("the policy decides nothing")
		}
		got := true
		for _, d := range result.Decisions {
			got = got && d.Action == validating.ActionAdmit
			if d.Evaluation == validating.EvalError {
				t.Errorf("%v: %s", pod.Spec.NodeSelector, d.Message)
			}
		}
		if want := pod.Spec.NodeSelector[key] == "restricted"; got != want {
			t.Fatalf("%v: admitted %v, want %v", pod.Spec.NodeSelector, got, want)
		}
		if got {
			admitted++
		}
	}
	if admitted < 200 || admitted > 1800 {
		t.Errorf("%d of 2000 are admitted: the test shows little", admitted)
	}
}
