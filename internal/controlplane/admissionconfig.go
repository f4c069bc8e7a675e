package controlplane

import (
	"path"

	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/internal/controlplane/process"
)

// AdmissionPluginConfiguration is what --admission-control-config-file gives a plugin, as the mapping that the plugin reads;
// nil where it gives it nothing. A plugin's configuration stands in that file or in one that it names, relative to it
// (apiserver/pkg/admission/config.go). The file may be PodNodeSelector's or ImagePolicyWebhook's own, as it was before 1.7.
func (s APIServer) AdmissionPluginConfiguration(plugin string) Value[map[string]any] {
	return askAPI(s, func(r *replica) Answer[map[string]any] {
		name := r.text("admission-control-config-file")
		if !name.OK() || name.Value == "" {
			return Answer[map[string]any]{Basis: name.Basis}
		}
		if f, ok := r.File(name.Value); ok && f.Missing == "" {
			if m, err := mappingOf(f); err == nil && m[legacyPlugins[plugin]] != nil {
				return Answer[map[string]any]{m, r.explicit(f.Place)}
			}
		}
		doc := file[*config.AdmissionConfiguration](r, "admission-control-config-file")
		if !doc.OK() {
			return Answer[map[string]any]{Basis: doc.Basis}
		}
		for i, p := range doc.Value.Document.Plugins {
			if p.Name == plugin {
				return r.pluginConfiguration(doc, i)
			}
		}
		return Answer[map[string]any]{Basis: doc.Basis}
	})
}

// legacyPlugins have a configuration without kind and version, by the field that tells it.
var legacyPlugins = map[string]string{"PodNodeSelector": "podNodeSelectorPluginConfig", "ImagePolicyWebhook": "imagePolicy"}

func (r *replica) pluginConfiguration(doc Answer[document[*config.AdmissionConfiguration]], i int) Answer[map[string]any] {
	p := &doc.Value.Document.Plugins[i]
	out := Answer[map[string]any]{Basis: doc.Basis}
	out.Places = append([]process.Place{doc.Value.field("plugins", i)}, doc.Places...)
	switch {
	case p.Configuration != nil:
		if err := kjson.UnmarshalCaseSensitivePreserveInts(p.Configuration.Raw, &out.Value); err != nil {
			out.Basis = out.refused(r.Component, "the configuration of "+p.Name+" is no mapping")
		}
		return out
	case p.Path == "":
		return out
	}
	name := p.Path
	if !path.IsAbs(name) {
		name = path.Join(path.Dir(doc.Value.Path), name)
	}
	f, ok := r.File(name)
	if !ok || f.Missing != "" {
		out.Basis = unknown("the configuration of "+p.Name+" is in "+name+", which is not among the evidence", name)
		return out
	}
	m, err := mappingOf(f)
	if err != nil {
		out.Basis = doc.unreadable(f, err)
		return out
	}
	return Answer[map[string]any]{m, r.explicit(f.Place)}
}

// TokenWebhookKubeconfig is how the server is reached that is asked about tokens; nil where there is none.
func (s APIServer) TokenWebhookKubeconfig() Value[*config.Kubeconfig] {
	return s.kubeconfig("authentication-token-webhook-config-file")
}

// AuthorizationWebhookKubeconfig is that of --authorization-webhook-config-file; webhooks of AuthorizationConfiguration name
// their own in Authorizers.
func (s APIServer) AuthorizationWebhookKubeconfig() Value[*config.Kubeconfig] {
	return s.kubeconfig("authorization-webhook-config-file")
}

// AuditWebhookKubeconfig is how the server is reached that events are sent to.
func (s APIServer) AuditWebhookKubeconfig() Value[*config.Kubeconfig] {
	return s.kubeconfig("audit-webhook-config-file")
}

func (s APIServer) kubeconfig(flag string) Value[*config.Kubeconfig] {
	return askAPI(s, func(r *replica) Answer[*config.Kubeconfig] {
		return from(file[*config.Kubeconfig](r, flag), func(d document[*config.Kubeconfig]) *config.Kubeconfig { return d.Document })
	})
}
