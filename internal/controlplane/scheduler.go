package controlplane

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/process"
)

// Scheduler is kube-scheduler, in all of its replicas.
type Scheduler struct{ view *View }

// Scheduler asks about kube-scheduler.
func (v *View) Scheduler() Scheduler { return Scheduler{v} }

func askScheduler[T any](s Scheduler, question func(*replica) Answer[T]) Value[T] {
	return ask(s.view, process.KubeScheduler, question)
}

// Profile is what decides for the pods of one schedulerName.
type Profile struct {
	SchedulerName string
	// Off are plugins of the default that do not filter in this profile.
	Off []string
	// More are plugins that filter beside those of the default.
	More []string
	// AddedAffinity is a node affinity that every pod gets.
	AddedAffinity *corev1.NodeAffinity
	// Extenders: others filter as well.
	Extenders bool
	At        process.Place
}

// Profiles are those of the file of --config, or the default one.
func (s Scheduler) Profiles() Value[[]Profile] {
	return askScheduler(s, func(r *replica) Answer[[]Profile] {
		doc := file[*config.KubeSchedulerConfiguration](r, "config")
		return from(doc, func(d document[*config.KubeSchedulerConfiguration]) []Profile {
			if d.Document == nil || len(d.Document.Profiles) == 0 {
				return []Profile{{SchedulerName: corev1.DefaultSchedulerName, Extenders: d.Document != nil && len(d.Document.Extenders) > 0, At: d.at}}
			}
			out := make([]Profile, len(d.Document.Profiles))
			for i := range d.Document.Profiles {
				out[i] = profile(&d.Document.Profiles[i])
				out[i].Extenders = len(d.Document.Extenders) > 0
				out[i].At = d.field("profiles", i)
			}
			return out
		})
	})
}

// filters are the default plugins that filter nodes (pkg/scheduler/apis/config/v1/default_plugins.go and framework/plugins).
var filters = []string{
	"NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit", "VolumeRestrictions",
	"NodeVolumeLimits", "VolumeBinding", "VolumeZone", "PodTopologySpread", "InterPodAffinity", "DynamicResources",
	"NodeDeclaredFeatures",
}

// profile: a plugin filters where it is enabled at the point filter, or by multiPoint and not disabled at the point; "*"
// disables all of the default (pkg/scheduler/framework/runtime, expandMultiPointPlugins).
func profile(p *config.KubeSchedulerProfile) Profile {
	out := Profile{SchedulerName: corev1.DefaultSchedulerName}
	if p.SchedulerName != nil && *p.SchedulerName != "" {
		out.SchedulerName = *p.SchedulerName
	}
	if p.Plugins != nil {
		for _, name := range filters {
			if !runs(name, p.Plugins, true) {
				out.Off = append(out.Off, name)
			}
		}
		for _, set := range []config.PluginSet{p.Plugins.MultiPoint, p.Plugins.Filter} {
			for _, e := range set.Enabled {
				if !slices.Contains(filters, e.Name) && !slices.Contains(out.More, e.Name) && runs(e.Name, p.Plugins, false) {
					out.More = append(out.More, e.Name)
				}
			}
		}
	}
	for _, c := range p.PluginConfig {
		if c.Name != "NodeAffinity" || len(c.Args.Raw) == 0 {
			continue
		}
		var args config.NodeAffinityArgs
		if err := kjson.UnmarshalCaseSensitivePreserveInts(c.Args.Raw, &args); err == nil {
			out.AddedAffinity = args.AddedAffinity
		}
	}
	return out
}

func runs(name string, p *config.Plugins, byDefault bool) bool {
	is := func(list []config.Plugin, name string) bool {
		return slices.ContainsFunc(list, func(q config.Plugin) bool { return q.Name == name })
	}
	if is(p.Filter.Enabled, name) {
		return true
	}
	if is(p.Filter.Disabled, name) || is(p.Filter.Disabled, "*") {
		return false
	}
	if is(p.MultiPoint.Enabled, name) {
		return true
	}
	return byDefault && !is(p.MultiPoint.Disabled, name) && !is(p.MultiPoint.Disabled, "*")
}

// Profiling: /debug/pprof is served, as the flag or the file of --config says. With a file the flag is not heard
// (cmd/kube-scheduler/app/options/deprecated.go).
func (s Scheduler) Profiling() Value[bool] {
	return askScheduler(s, func(r *replica) Answer[bool] {
		doc := file[*config.KubeSchedulerConfiguration](r, "config")
		if !doc.OK() {
			return Answer[bool]{Basis: doc.Basis}
		}
		if c := doc.Value.Document; c != nil {
			return from(doc, func(document[*config.KubeSchedulerConfiguration]) bool {
				return c.EnableProfiling == nil || *c.EnableProfiling
			})
		}
		return r.boolean("profiling")
	})
}

// TLS is how it serves.
func (s Scheduler) TLS() Value[TLS] { return askScheduler(s, (*replica).serving) }

// Delegation is how it asks the API server.
func (s Scheduler) Delegation() Value[Delegation] { return askScheduler(s, (*replica).delegation) }

// FeatureGate is a gate of the scheduler.
func (s Scheduler) FeatureGate(name string) Value[bool] {
	return s.view.FeatureGate(process.KubeScheduler, name)
}
