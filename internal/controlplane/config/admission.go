package config

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AdmissionConfiguration is the file of --admission-control-config-file, apiserver.config.k8s.io/v1 and
// apiserver.k8s.io/v1alpha1.
type AdmissionConfiguration struct {
	metav1.TypeMeta
	Plugins []AdmissionPluginConfiguration `json:"plugins"`
}

// AdmissionPluginConfiguration holds the configuration of one plugin, or names the file that does.
type AdmissionPluginConfiguration struct {
	Name          string                `json:"name"`
	Path          string                `json:"path"`
	Configuration *runtime.RawExtension `json:"configuration"`
}

// Problems are a plugin named twice, of which the first counts, and one with a file and a configuration, of which the file is
// not read (pkg/admission/config.go, GetAdmissionPluginConfigurationFor).
func (c *AdmissionConfiguration) Problems() []*Fault {
	var p problems
	seen := map[string]bool{}
	for i, plugin := range c.Plugins {
		if seen[plugin.Name] {
			p.add("a second configuration of the plugin, which is not read", "plugins", i, "name")
		}
		seen[plugin.Name] = true
		if plugin.Path != "" && plugin.Configuration != nil {
			p.add("not read, since there is a configuration", "plugins", i, "path")
		}
	}
	return p
}
