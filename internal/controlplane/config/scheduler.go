package config

import (
	"encoding/json"
	"iter"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "sigs.k8s.io/json"
)

// KubeSchedulerConfiguration is the file of --config, kubescheduler.config.k8s.io/v1.
type KubeSchedulerConfiguration struct {
	metav1.TypeMeta
	Parallelism      *int32                        `json:"parallelism,omitempty"`
	LeaderElection   LeaderElectionConfiguration   `json:"leaderElection"`
	ClientConnection ClientConnectionConfiguration `json:"clientConnection"`
	DebuggingConfiguration
	PercentageOfNodesToScore *int32                 `json:"percentageOfNodesToScore,omitempty"`
	PodInitialBackoffSeconds *int64                 `json:"podInitialBackoffSeconds,omitempty"`
	PodMaxBackoffSeconds     *int64                 `json:"podMaxBackoffSeconds,omitempty"`
	Profiles                 []KubeSchedulerProfile `json:"profiles,omitempty"`
	Extenders                []Extender             `json:"extenders,omitempty"`
	DelayCacheUntilActive    bool                   `json:"delayCacheUntilActive,omitempty"`
}

type KubeSchedulerProfile struct {
	SchedulerName            *string        `json:"schedulerName,omitempty"`
	PercentageOfNodesToScore *int32         `json:"percentageOfNodesToScore,omitempty"`
	Plugins                  *Plugins       `json:"plugins,omitempty"`
	PluginConfig             []PluginConfig `json:"pluginConfig,omitempty"`
}

type Plugins struct {
	PreEnqueue         PluginSet `json:"preEnqueue,omitempty"`
	QueueSort          PluginSet `json:"queueSort,omitempty"`
	PreFilter          PluginSet `json:"preFilter,omitempty"`
	Filter             PluginSet `json:"filter,omitempty"`
	PostFilter         PluginSet `json:"postFilter,omitempty"`
	PreScore           PluginSet `json:"preScore,omitempty"`
	Score              PluginSet `json:"score,omitempty"`
	Reserve            PluginSet `json:"reserve,omitempty"`
	Permit             PluginSet `json:"permit,omitempty"`
	PreBind            PluginSet `json:"preBind,omitempty"`
	Bind               PluginSet `json:"bind,omitempty"`
	PostBind           PluginSet `json:"postBind,omitempty"`
	MultiPoint         PluginSet `json:"multiPoint,omitempty"`
	PlacementGenerate  PluginSet `json:"placementGenerate,omitempty"`
	PlacementScore     PluginSet `json:"placementScore,omitempty"`
	PodGroupPostFilter PluginSet `json:"podGroupPostFilter,omitempty"`
}

type PluginSet struct {
	Enabled  []Plugin `json:"enabled,omitempty"`
	Disabled []Plugin `json:"disabled,omitempty"`
}

type Plugin struct {
	Name   string `json:"name"`
	Weight *int32 `json:"weight,omitempty"`
}

// PluginConfig holds the arguments of a plugin; those of plugins that the scheduler has itself are in Decoded too.
type PluginConfig struct {
	Name string               `json:"name"`
	Args runtime.RawExtension `json:"args,omitempty"`

	Decoded any `json:"-"` // a pointer to one of the structs below; nil for other plugins
}

type Extender struct {
	URLPrefix        string                    `json:"urlPrefix"`
	FilterVerb       string                    `json:"filterVerb,omitempty"`
	PreemptVerb      string                    `json:"preemptVerb,omitempty"`
	PrioritizeVerb   string                    `json:"prioritizeVerb,omitempty"`
	Weight           int64                     `json:"weight,omitempty"`
	BindVerb         string                    `json:"bindVerb,omitempty"`
	EnableHTTPS      bool                      `json:"enableHTTPS,omitempty"`
	TLSConfig        *ExtenderTLSConfig        `json:"tlsConfig,omitempty"`
	HTTPTimeout      Duration                  `json:"httpTimeout,omitempty"`
	NodeCacheCapable bool                      `json:"nodeCacheCapable,omitempty"`
	ManagedResources []ExtenderManagedResource `json:"managedResources,omitempty"`
	Ignorable        bool                      `json:"ignorable,omitempty"`
}

type ExtenderManagedResource struct {
	Name               string `json:"name"`
	IgnoredByScheduler bool   `json:"ignoredByScheduler,omitempty"`
}

type ExtenderTLSConfig struct {
	Insecure   bool   `json:"insecure,omitempty"`
	ServerName string `json:"serverName,omitempty"`
	CertFile   string `json:"certFile,omitempty"`
	KeyFile    string `json:"keyFile,omitempty"`
	CAFile     string `json:"caFile,omitempty"`
	CertData   []byte `json:"certData,omitempty"`
	KeyData    Secret `json:"keyData,omitempty"`
	CAData     []byte `json:"caData,omitempty"`
}

type DynamicResourcesArgs struct {
	metav1.TypeMeta
	FilterTimeout  *Duration `json:"filterTimeout"`
	BindingTimeout *Duration `json:"bindingTimeout,omitempty"`
}

type NodeAffinityArgs struct {
	metav1.TypeMeta
	AddedAffinity *corev1.NodeAffinity `json:"addedAffinity,omitempty"`
}

type PodTopologySpreadArgs struct {
	metav1.TypeMeta
	DefaultConstraints []corev1.TopologySpreadConstraint `json:"defaultConstraints,omitempty"`
	DefaultingType     string                            `json:"defaultingType,omitempty"`
}

type DefaultPreemptionArgs struct {
	metav1.TypeMeta
	MinCandidateNodesPercentage *int32 `json:"minCandidateNodesPercentage,omitempty"`
	MinCandidateNodesAbsolute   *int32 `json:"minCandidateNodesAbsolute,omitempty"`
}

type InterPodAffinityArgs struct {
	metav1.TypeMeta
	HardPodAffinityWeight              *int32 `json:"hardPodAffinityWeight,omitempty"`
	IgnorePreferredTermsOfExistingPods bool   `json:"ignorePreferredTermsOfExistingPods"`
}

type NodeResourcesFitArgs struct {
	metav1.TypeMeta
	IgnoredResources      []string         `json:"ignoredResources,omitempty"`
	IgnoredResourceGroups []string         `json:"ignoredResourceGroups,omitempty"`
	ScoringStrategy       *ScoringStrategy `json:"scoringStrategy,omitempty"`
}

type ScoringStrategy struct {
	Type                     string                         `json:"type,omitempty"`
	Resources                []ResourceSpec                 `json:"resources,omitempty"`
	RequestedToCapacityRatio *RequestedToCapacityRatioParam `json:"requestedToCapacityRatio,omitempty"`
}

type RequestedToCapacityRatioParam struct {
	Shape []UtilizationShapePoint `json:"shape,omitempty"`
}

type UtilizationShapePoint struct {
	Utilization int32 `json:"utilization"`
	Score       int32 `json:"score"`
}

type ResourceSpec struct {
	Name   string `json:"name"`
	Weight int64  `json:"weight,omitempty"`
}

type NodeResourcesBalancedAllocationArgs struct {
	metav1.TypeMeta
	Resources []ResourceSpec `json:"resources,omitempty"`
}

type VolumeBindingArgs struct {
	metav1.TypeMeta
	BindTimeoutSeconds *int64                  `json:"bindTimeoutSeconds,omitempty"`
	Shape              []UtilizationShapePoint `json:"shape,omitempty"`
}

type LeaderElectionConfiguration struct {
	LeaderElect       *bool    `json:"leaderElect"`
	LeaseDuration     Duration `json:"leaseDuration"`
	RenewDeadline     Duration `json:"renewDeadline"`
	RetryPeriod       Duration `json:"retryPeriod"`
	ResourceLock      string   `json:"resourceLock"`
	ResourceName      string   `json:"resourceName"`
	ResourceNamespace string   `json:"resourceNamespace"`
}

type DebuggingConfiguration struct {
	EnableProfiling           *bool `json:"enableProfiling,omitempty"`
	EnableContentionProfiling *bool `json:"enableContentionProfiling,omitempty"`
}

type ClientConnectionConfiguration struct {
	Kubeconfig         string  `json:"kubeconfig"`
	AcceptContentTypes string  `json:"acceptContentTypes"`
	ContentType        string  `json:"contentType"`
	QPS                float32 `json:"qps"`
	Burst              int32   `json:"burst"`
}

// newArgs are empty arguments of the plugins that have some (pkg/scheduler/apis/config/v1/register.go).
func newArgs(plugin string) any {
	switch plugin {
	case "DefaultPreemption":
		return &DefaultPreemptionArgs{}
	case "DynamicResources":
		return &DynamicResourcesArgs{}
	case "InterPodAffinity":
		return &InterPodAffinityArgs{}
	case "NodeAffinity":
		return &NodeAffinityArgs{}
	case "NodeResourcesBalancedAllocation":
		return &NodeResourcesBalancedAllocationArgs{}
	case "NodeResourcesFit":
		return &NodeResourcesFitArgs{}
	case "PodTopologySpread":
		return &PodTopologySpreadArgs{}
	case "VolumeBinding":
		return &VolumeBindingArgs{}
	}
	return nil
}

// decodeNested decodes the arguments of plugins (config/v1/types.go, DecodeNestedObjects).
func (c *KubeSchedulerConfiguration) decodeNested([]byte) (strict []error, err error) {
	for i := range c.Profiles {
		for j := range c.Profiles[i].PluginConfig {
			pc := &c.Profiles[i].PluginConfig[j]
			args := newArgs(pc.Name)
			if args == nil {
				continue
			}
			path := []any{"profiles", i, "pluginConfig", j, "args"}
			pc.Decoded = args
			if len(pc.Args.Raw) == 0 {
				continue
			}
			errs, err := kjson.UnmarshalStrict(pc.Args.Raw, args)
			if err != nil {
				return nil, nested(pc.Args.Raw, err, path)
			}
			if !isArgs(pc.Args.Raw, pc.Name) {
				return nil, &Fault{Path: path, Msg: "arguments of another plugin"}
			}
			for _, err := range errs {
				strict = append(strict, nested(pc.Args.Raw, err, path))
			}
		}
	}
	return strict, nil
}

// isArgs tells whether arguments name no other kind than the plugin's.
func isArgs(raw []byte, plugin string) bool {
	var meta struct{ APIVersion, Kind string }
	if err := json.Unmarshal(raw, &meta); err != nil {
		return false
	}
	return (meta.Kind == "" || meta.Kind == plugin+"Args") && (meta.APIVersion == "" || meta.APIVersion == "kubescheduler.config.k8s.io/v1")
}

// Problems are profiles of one name, and a plugin that is configured twice or is gone
// (pkg/scheduler/apis/config/validation). The other rules there are not looked at.
func (c *KubeSchedulerConfiguration) Problems() []*Fault {
	var p problems
	names := map[string]bool{}
	for i, profile := range c.Profiles {
		name := "default-scheduler"
		if profile.SchedulerName != nil {
			name = *profile.SchedulerName
		}
		switch {
		case name == "":
			p.add("required", "profiles", i, "schedulerName")
		case names[name]:
			p.add("a name twice", "profiles", i, "schedulerName")
		}
		names[name] = true
		plugins := map[string]bool{}
		for j, pc := range profile.PluginConfig {
			switch {
			case plugins[pc.Name]:
				p.add("a plugin twice", "profiles", i, "pluginConfig", j, "name")
			case removedPlugins[pc.Name]:
				p.add("the plugin is gone", "profiles", i, "pluginConfig", j, "name")
			}
			plugins[pc.Name] = true
		}
		if profile.Plugins == nil {
			continue
		}
		for point, set := range profile.Plugins.all() {
			for j, plugin := range set.Enabled {
				if removedPlugins[plugin.Name] {
					p.add("the plugin is gone", "profiles", i, "plugins", point, "enabled", j)
				}
			}
		}
	}
	return p
}

var removedPlugins = map[string]bool{"AzureDiskLimits": true, "CinderLimits": true, "EBSLimits": true, "GCEPDLimits": true}

// all gives the extension points of which upstream looks at the plugins, in their order.
func (p *Plugins) all() iter.Seq2[string, PluginSet] {
	return func(yield func(string, PluginSet) bool) {
		_ = yield("preEnqueue", p.PreEnqueue) && yield("queueSort", p.QueueSort) && yield("preFilter", p.PreFilter) &&
			yield("filter", p.Filter) && yield("postFilter", p.PostFilter) && yield("preScore", p.PreScore) &&
			yield("score", p.Score) && yield("reserve", p.Reserve) && yield("permit", p.Permit) && yield("preBind", p.PreBind) &&
			yield("bind", p.Bind) && yield("postBind", p.PostBind) && yield("podGroupPostFilter", p.PodGroupPostFilter)
	}
}
