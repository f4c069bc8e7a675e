package upstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/featuregate"
	logsapi "k8s.io/component-base/logs/api/v1"
	schedulerv1 "k8s.io/kube-scheduler/config/v1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	"k8s.io/kubernetes/cmd/kubeadm/app/componentconfigs"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/controlplane"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/etcd"
	kubeadmconfig "k8s.io/kubernetes/cmd/kubeadm/app/util/config"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeapiserver "k8s.io/kubernetes/pkg/kubeapiserver/options"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	schedulerscheme "k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"sigs.k8s.io/yaml"
)

// Defaults returns what the components of the Kubernetes version that this module requires take for what is not set, a line
// each of fields that are separated by tabs, ordered:
//
//	flag      component name type value      option structs of cmd/*/app/options
//	gate      name stage locked value        pkg/features, apiserver and apiextensions-apiserver pkg/features, component-base
//	plugin    name place on|off              pkg/kubeapiserver/options, with the place in the order of calls
//	kubelet   field value                    KubeletConfiguration of an empty file, JSON
//	legacy    field value                    where the kubelet has another without --config
//	scheduler plugin place weight            multiPoint of the default profile
//	kubeadm   component name value           flags of the static pods of an empty ClusterConfiguration
//	kubeadm   KubeletConfiguration field value
//
// The minor is that of the version. Everything in it is for Linux.
func Defaults(minor int) ([]byte, error) {
	var d defaultLines
	gates := utilfeature.DefaultMutableFeatureGate
	if _, ok := gates.GetAll()[logsapi.ContextualLogging]; !ok {
		if err := logsapi.AddFeatureGates(gates); err != nil { // as every component does
			return nil, err
		}
	}
	d.gates()
	// First of all, since some versions give a gate another default in it, which they can until it is part of a flag.
	manager, err := controllermanager.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	d.flags("kube-controller-manager", manager.Flags(nil, nil, nil))
	d.flags("kube-apiserver", apiserver.NewServerRunOptions().Flags())
	d.flags("kube-scheduler", *scheduler.NewOptions().Flags)
	server, err := kubelet.NewKubeletServer()
	if err != nil {
		return nil, err
	}
	var fss cliflag.NamedFlagSets
	server.AddFlags(fss.FlagSet("kubelet"))
	d.flags("kubelet", fss)
	for i, name := range kubeapiserver.AllOrderedPlugins {
		state := "on"
		if kubeapiserver.DefaultOffAdmissionPlugins().Has(name) {
			state = "off"
		}
		d.add("plugin", name, fmt.Sprintf("%02d", i), state)
	}
	if err := d.kubelet(); err != nil {
		return nil, err
	}
	if err := d.scheduler(); err != nil {
		return nil, err
	}
	if err := d.kubeadm(minor); err != nil {
		return nil, err
	}
	slices.Sort(d.lines)
	return []byte(strings.Join(d.lines, "\n") + "\n"), nil
}

type defaultLines struct{ lines []string }

func (d *defaultLines) add(fields ...string) {
	for i, f := range fields {
		if strings.ContainsAny(f, "\t\n\r") {
			fields[i] = fmt.Sprintf("%q", f)
		}
	}
	d.lines = append(d.lines, strings.Join(fields, "\t"))
}

func (d *defaultLines) flags(component string, fss cliflag.NamedFlagSets) {
	for _, fs := range fss.FlagSets {
		fs.VisitAll(func(f *pflag.Flag) {
			d.add("flag", component, strings.ReplaceAll(f.Name, "_", "-"), f.Value.Type(), f.DefValue)
		})
	}
}

func (d *defaultLines) gates() {
	for name, spec := range utilfeature.DefaultMutableFeatureGate.GetAll() {
		stage, locked := string(spec.PreRelease), "-"
		if spec.PreRelease == featuregate.GA {
			stage = "GA"
		}
		if spec.LockToDefault {
			locked = "locked"
		}
		if name != "AllAlpha" && name != "AllBeta" {
			d.add("gate", string(name), stage, locked, fmt.Sprint(spec.Default))
		}
	}
}

func (d *defaultLines) kubelet() error {
	scheme, _, err := kubeletscheme.NewSchemeAndCodecs()
	if err != nil {
		return err
	}
	file := &kubeletv1beta1.KubeletConfiguration{}
	scheme.Default(file)
	fields, err := fieldsOf(file)
	if err != nil {
		return err
	}
	server, err := kubelet.NewKubeletConfiguration()
	if err != nil {
		return err
	}
	none := &kubeletv1beta1.KubeletConfiguration{}
	if err := scheme.Convert(server, none, nil); err != nil {
		return err
	}
	legacy, err := fieldsOf(none)
	if err != nil {
		return err
	}
	for name, value := range fields {
		d.add("kubelet", name, value)
	}
	for name, value := range legacy {
		if fields[name] != value {
			d.add("legacy", name, value)
		}
	}
	return nil
}

// fieldsOf gives the JSON of each field of a struct.
func fieldsOf(v any) (map[string]string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for name, value := range raw {
		var b bytes.Buffer
		if err := json.Compact(&b, value); err != nil {
			return nil, err
		}
		fields[name] = b.String()
	}
	return fields, nil
}

func (d *defaultLines) scheduler() error {
	c := &schedulerv1.KubeSchedulerConfiguration{}
	schedulerscheme.Scheme.Default(c)
	if len(c.Profiles) != 1 {
		return fmt.Errorf("%d default profiles", len(c.Profiles))
	}
	for i, p := range c.Profiles[0].Plugins.MultiPoint.Enabled {
		weight := "-"
		if p.Weight != nil {
			weight = fmt.Sprint(*p.Weight)
		}
		d.add("scheduler", p.Name, fmt.Sprintf("%02d", i), weight)
	}
	return nil
}

func (d *defaultLines) kubeadm(minor int) error {
	c, err := kubeadmconfig.DefaultedStaticInitConfiguration()
	if err != nil {
		return err
	}
	c.KubernetesVersion = fmt.Sprintf("v1.%d.0", minor)
	commands := map[string][]string{}
	for name, pod := range controlplane.GetStaticPodSpecs(&c.ClusterConfiguration, &c.LocalAPIEndpoint, nil) {
		commands[name] = pod.Spec.Containers[0].Command
	}
	pod := etcd.GetEtcdPodSpec(&c.ClusterConfiguration, &c.LocalAPIEndpoint, "NODE", nil)
	commands["etcd"] = pod.Spec.Containers[0].Command
	for component, command := range commands {
		for _, arg := range command[1:] {
			name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
			d.add("kubeadm", component, name, strings.ReplaceAll(value, c.LocalAPIEndpoint.AdvertiseAddress, "ADDRESS"))
		}
	}
	text, err := c.ComponentConfigs[componentconfigs.KubeletGroup].Marshal()
	if err != nil {
		return err
	}
	var v map[string]any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return err
	}
	fields, err := fieldsOf(v)
	if err != nil {
		return err
	}
	for name, value := range fields {
		switch {
		case name == "apiVersion", name == "kind", name == "logging":
		case value == `"0s"`, value == `""`, value == `{}`: // written, and read as not set
		default:
			d.add("kubeadm", "KubeletConfiguration", name, value)
		}
	}
	return nil
}
