package placement

import (
	"context"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// plane is what is known of the control plane: what a caller attached, and for the rest what its evidence tells.
type plane struct {
	Profile
	restriction controlplane.Basis // of NodeRestriction, where the evidence told
	selector    controlplane.Basis // of PodNodeSelector, where the evidence told
}

// ProfileOf is the profile that placement reasons with: [ControlPlane] where it says something, else what flags,
// configuration and reports of the control plane tell. It is found once; see [ControlPlaneNeeds].
func ProfileOf(ctx context.Context, inv *inventory.Inventory) (Profile, error) {
	p, err := planeOf.Get(ctx, inv)
	if err != nil {
		return Profile{}, err
	}
	return p.Profile, nil
}

// ControlPlaneNeeds are what the profile is found in.
func ControlPlaneNeeds() []inventory.Need { return controlplane.Needs() }

var planeOf = inventory.NewFact("placement control plane", func(ctx context.Context, inv *inventory.Inventory) (*plane, error) {
	view, err := controlplane.Of(ctx, inv)
	if err != nil {
		return nil, err
	}
	p := &plane{Profile: ControlPlane.Get(inv)}
	api := view.APIServer()
	if p.NodeRestriction == Unsaid {
		p.nodeRestriction(api)
	}
	if p.PodNodeSelector == Unsaid {
		p.podNodeSelector(api)
	}
	if p.PodTolerationRestriction == Unsaid {
		p.podTolerationRestriction(api)
	}
	if p.ExtendedResourceToleration == Unsaid {
		p.ExtendedResourceToleration = known(api.AdmissionPlugin("ExtendedResourceToleration"))
	}
	if p.ComparisonOperators == Unsaid {
		p.ComparisonOperators = known(view.FeatureGate(process.KubeScheduler, "TaintTolerationComparisonOperators"))
	}
	if len(p.Schedulers) == 0 {
		p.schedulers(view.Scheduler())
	}
	return p, nil
})

func known(v controlplane.Value[bool]) Known {
	switch {
	case !v.OK():
		return Unsaid
	case v.Value:
		return On
	}
	return Off
}

// nodeRestriction: a replica without the plugin is one too many.
func (p *plane) nodeRestriction(api controlplane.APIServer) {
	v := api.AdmissionPlugin("NodeRestriction")
	p.NodeRestriction, p.restriction = known(v), v.Basis
	if off := v.Find(func(on bool) bool { return !on }); len(off) > 0 {
		p.NodeRestriction, p.restriction = Off, off[0].Basis
	}
}

// podNodeSelector: what the plugin adds where a namespace says nothing is in a file (plugin/pkg/admission/podnodeselector).
func (p *plane) podNodeSelector(api controlplane.APIServer) {
	plugin := api.AdmissionPlugin("PodNodeSelector")
	p.selector = plugin.Basis
	on := known(plugin)
	if on != On {
		p.PodNodeSelector = on
		return
	}
	file := api.AdmissionPluginConfiguration("PodNodeSelector")
	if !file.OK() {
		return // what it adds is not known
	}
	selectors, _ := file.Value["podNodeSelectorPluginConfig"].(map[string]any)
	cluster, byNamespace := map[string]string{}, map[string]map[string]string{}
	for name, v := range selectors {
		text, _ := v.(string)
		set, err := labels.ConvertSelectorToLabelsMap(text)
		if err != nil {
			return
		}
		if name == "clusterDefaultNodeSelector" {
			cluster = set
		} else {
			byNamespace[name] = set
		}
	}
	p.PodNodeSelector, p.ClusterNodeSelector, p.NamespaceNodeSelectors = On, cluster, byNamespace
}

// podTolerationRestriction: the file is that of plugin/pkg/admission/podtolerationrestriction/apis.
func (p *plane) podTolerationRestriction(api controlplane.APIServer) {
	on := known(api.AdmissionPlugin("PodTolerationRestriction"))
	if on != On {
		p.PodTolerationRestriction = on
		return
	}
	file := api.AdmissionPluginConfiguration("PodTolerationRestriction")
	if !file.OK() {
		return
	}
	var c struct{ Default, Whitelist []corev1.Toleration }
	if raw, err := json.Marshal(file.Value); err != nil || json.Unmarshal(raw, &c) != nil {
		return
	}
	p.PodTolerationRestriction, p.DefaultTolerations, p.TolerationWhitelist = On, c.Default, c.Whitelist
}

// schedulers: where only the default one runs with its defaults there is nothing to say.
func (p *plane) schedulers(s controlplane.Scheduler) {
	profiles := s.Profiles()
	if !profiles.OK() || profiles.Known == controlplane.Default {
		return
	}
	for _, x := range profiles.Value {
		out := Scheduler{Name: x.SchedulerName, Disabled: x.Off}
		if x.AddedAffinity != nil {
			out.AddedAffinity = x.AddedAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		}
		p.Schedulers = append(p.Schedulers, out)
	}
}

// rests adds to an outcome what it owes to the plugin NodeRestriction.
func (p *plane) rests(out *nist190.Outcome) {
	if !p.restriction.OK() {
		return // the caller said it
	}
	if len(p.restriction.Places) > 0 && p.restriction.Places[0].Object != nil {
		out.Evidence = append(out.Evidence, nist190.At(p.restriction.Places[0].Object, p.restriction.Places[0].Path...))
	}
	if s := p.restriction.Strength; s != inventory.StrengthUnset {
		out.Strength = s
	}
}
