package controlplane

import (
	"slices"
	"time"

	"github.com/nist190/nist190/internal/controlplane/process"
)

// ControllerManager is kube-controller-manager, in all of its replicas.
type ControllerManager struct{ view *View }

// ControllerManager asks about kube-controller-manager.
func (v *View) ControllerManager() ControllerManager { return ControllerManager{v} }

func askManager[T any](m ControllerManager, question func(*replica) Answer[T]) Value[T] {
	return ask(m.view, process.KubeControllerManager, question)
}

// UseServiceAccountCredentials: every controller acts as a service account of its own.
func (m ControllerManager) UseServiceAccountCredentials() Value[bool] {
	return askManager(m, func(r *replica) Answer[bool] { return r.boolean("use-service-account-credentials") })
}

// RootCAFile is the CA that every pod is given for the API server.
func (m ControllerManager) RootCAFile() Value[string] {
	return askManager(m, func(r *replica) Answer[string] { return r.text("root-ca-file") })
}

// ServiceAccountKeyFile signs the tokens of Secrets.
func (m ControllerManager) ServiceAccountKeyFile() Value[string] {
	return askManager(m, func(r *replica) Answer[string] { return r.text("service-account-private-key-file") })
}

// Signing is what signs certificates that nodes and clients ask for.
type Signing struct {
	CertFile, KeyFile string // empty: it does not sign
	Duration          time.Duration
}

// Signing is the CA of certificate signing requests.
func (m ControllerManager) Signing() Value[Signing] {
	return askManager(m, func(r *replica) Answer[Signing] {
		x := reading{r: r}
		a := Signing{CertFile: x.text("cluster-signing-cert-file"), KeyFile: x.text("cluster-signing-key-file"), Duration: x.duration("cluster-signing-duration")}
		return Answer[Signing]{a, x.basis}
	})
}

// Controller reports whether a controller runs: named, or by "*" and not "-name" (controller-manager/app/helper.go).
// Bootstrapsigner and tokencleaner are not in "*".
func (m ControllerManager) Controller(name string) Value[bool] {
	return askManager(m, func(r *replica) Answer[bool] {
		return from(r.list("controllers"), func(list []string) bool {
			switch {
			case slices.Contains(list, name):
				return true
			case slices.Contains(list, "-"+name):
				return false
			}
			return slices.Contains(list, "*") && !slices.Contains(offByDefault, name)
		})
	})
}

// offByDefault: cmd/kube-controller-manager/names and ControllersDisabledByDefault.
var offByDefault = []string{"bootstrap-signer-controller", "token-cleaner-controller", "bootstrapsigner", "tokencleaner"}

// TerminatedPodThreshold is how many ended pods are kept.
func (m ControllerManager) TerminatedPodThreshold() Value[int] {
	return askManager(m, func(r *replica) Answer[int] { return r.number("terminated-pod-gc-threshold") })
}

// Profiling: /debug/pprof is served.
func (m ControllerManager) Profiling() Value[bool] {
	return askManager(m, func(r *replica) Answer[bool] { return r.boolean("profiling") })
}

// TLS is how it serves.
func (m ControllerManager) TLS() Value[TLS] { return askManager(m, (*replica).serving) }

// Delegation is how a component asks the API server who calls it and whether he may.
type Delegation struct {
	Authentication, Authorization string // kubeconfigs; empty: it takes nobody's word
	Kubeconfig                    string
}

// Delegation is how it asks the API server.
func (m ControllerManager) Delegation() Value[Delegation] {
	return askManager(m, (*replica).delegation)
}

func (r *replica) delegation() Answer[Delegation] {
	x := reading{r: r}
	a := Delegation{Authentication: x.text("authentication-kubeconfig"), Authorization: x.text("authorization-kubeconfig"), Kubeconfig: x.text("kubeconfig")}
	return Answer[Delegation]{a, x.basis}
}

// FeatureGate is a gate of the controller manager.
func (m ControllerManager) FeatureGate(name string) Value[bool] {
	return m.view.FeatureGate(process.KubeControllerManager, name)
}
