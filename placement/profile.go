package placement

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/inventory"
)

// Known says whether something of the control plane is on.
type Known uint8

const (
	// Unsaid is the zero value: nobody has said, and what is unsaid is part of the answers that rest on it.
	Unsaid Known = iota
	On
	Off
)

func (k Known) String() string { return [...]string{"unknown", "on", "off"}[min(k, Off)] }

// Profile is what the control plane does to pods and where it puts them. The zero value knows nothing of the API server
// and takes the scheduler to run with its defaults.
type Profile struct {
	// Admission plugins, each off by default but DefaultTolerationSeconds, which matters to transient taints only.
	PodNodeSelector            Known
	PodTolerationRestriction   Known
	ExtendedResourceToleration Known
	// OpenShiftNodeSelector is scheduling.openshift.io/OriginPodNodeEnvironment, which OpenShift's API server has on.
	OpenShiftNodeSelector Known
	// NodeRestriction limits what a kubelet may change of its own node.
	NodeRestriction Known
	// ClusterNodeSelector is for namespaces without a selector of their own: clusterDefaultNodeSelector of PodNodeSelector,
	// or spec.defaultNodeSelector of OpenShift's Scheduler. NamespaceNodeSelectors are what PodNodeSelector's file allows
	// the pods of a namespace.
	ClusterNodeSelector    map[string]string
	NamespaceNodeSelectors map[string]map[string]string
	// DefaultTolerations and TolerationWhitelist are the cluster's for PodTolerationRestriction.
	DefaultTolerations, TolerationWhitelist []corev1.Toleration
	// Schedulers are the profiles of KubeSchedulerConfiguration, and other schedulers that decide as it does. A pod of any
	// other name than these and default-scheduler is held by what the kubelet checks alone.
	Schedulers []Scheduler
	// ComparisonOperators is the feature gate TaintTolerationComparisonOperators (KEP-5471; alpha, off by default).
	ComparisonOperators Known
	// HarmlessWebhooks are further mutating webhooks, by name, that do not change where a pod may run.
	HarmlessWebhooks []string
	// Now judges nodes as they are at this moment: cordons and transient taints count. Otherwise they do not, since what
	// passes isolates nobody.
	Now bool
}

// Scheduler is a profile of the scheduler.
type Scheduler struct {
	Name string
	// Disabled are filter plugins that do not run, such as "NodeAffinity".
	Disabled []string
	// AddedAffinity is required of every pod's node in addition (NodeAffinityArgs).
	AddedAffinity *corev1.NodeSelector
}

// ControlPlane attaches a profile to an inventory.
var ControlPlane = inventory.NewSetting("placementControlPlane", Profile{})

func (p Profile) String() string {
	var out []string
	for _, x := range []struct {
		name string
		on   Known
	}{{"PodNodeSelector", p.PodNodeSelector}, {"PodTolerationRestriction", p.PodTolerationRestriction}, {"NodeRestriction", p.NodeRestriction}} {
		out = append(out, fmt.Sprintf("%s: %s", x.name, x.on))
	}
	if len(p.Schedulers) == 0 {
		return strings.Join(append(out, "schedulers: the default one with its defaults"), ", ")
	}
	var names []string
	for _, s := range p.Schedulers {
		names = append(names, s.Name)
	}
	return strings.Join(append(out, "schedulers: "+strings.Join(names, " ")), ", ")
}

// scheduler finds the profile that schedules a pod; known is false for one that nothing is known of.
func (p *Profile) scheduler(name string) (s Scheduler, known bool) {
	if name == "" {
		name = corev1.DefaultSchedulerName
	}
	for _, s := range p.Schedulers {
		if s.Name == name {
			return s, true
		}
	}
	return Scheduler{Name: name}, name == corev1.DefaultSchedulerName
}
