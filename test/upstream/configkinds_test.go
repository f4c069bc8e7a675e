package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	apiserverv1alpha1 "k8s.io/apiserver/pkg/apis/apiserver/v1alpha1"
	apiserverv1beta1 "k8s.io/apiserver/pkg/apis/apiserver/v1beta1"
	"k8s.io/apiserver/pkg/apis/audit"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"k8s.io/klog/v2"
	schedulerv1 "k8s.io/kube-scheduler/config/v1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	bootstraptokenv1 "k8s.io/kubernetes/cmd/kubeadm/app/apis/bootstraptoken/v1"
	"k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	kubeadmscheme "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm/scheme"
	kubeadmv1 "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm/v1"
	kubeadmv1beta4 "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm/v1beta4"
	"k8s.io/kubernetes/cmd/kubeadm/app/util/config/strict"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	"k8s.io/kubernetes/pkg/kubelet/kubeletconfig/util/codec"
	schedulerscheme "k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"

	"github.com/nist190/nist190/internal/controlplane/config"
)

// A configKind is a kind of component configuration of package config, and upstream's.
type configKind struct {
	apiVersion, kind string
	ours, theirs     any // nil pointers to the structs
	// load is the component's loader up to validation. warned tells that it passed over unknown or duplicate fields.
	load func(data []byte) (warned bool, err error)
}

func (k configKind) String() string { return k.apiVersion + " " + k.kind }

const apiserverGroup = "apiserver.config.k8s.io"

func configKinds() []configKind {
	return []configKind{
		{apiserverGroup + "/v1", "AuthenticationConfiguration", (*config.AuthenticationConfiguration)(nil), (*apiserverv1.AuthenticationConfiguration)(nil), loadAPIServer},
		{apiserverGroup + "/v1beta1", "AuthenticationConfiguration", (*config.AuthenticationConfiguration)(nil), (*apiserverv1beta1.AuthenticationConfiguration)(nil), loadAPIServer},
		{apiserverGroup + "/v1alpha1", "AuthenticationConfiguration", (*config.AuthenticationConfiguration)(nil), (*apiserverv1alpha1.AuthenticationConfiguration)(nil), loadAPIServer},
		{apiserverGroup + "/v1", "AuthorizationConfiguration", (*config.AuthorizationConfiguration)(nil), (*apiserverv1.AuthorizationConfiguration)(nil), loadAPIServer},
		{apiserverGroup + "/v1beta1", "AuthorizationConfiguration", (*config.AuthorizationConfiguration)(nil), (*apiserverv1beta1.AuthorizationConfiguration)(nil), loadAPIServer},
		{apiserverGroup + "/v1alpha1", "AuthorizationConfiguration", (*config.AuthorizationConfiguration)(nil), (*apiserverv1alpha1.AuthorizationConfiguration)(nil), loadAPIServer},
		{apiserverGroup + "/v1", "EncryptionConfiguration", (*config.EncryptionConfiguration)(nil), (*apiserverv1.EncryptionConfiguration)(nil), loadEncryption},
		{"v1", "EncryptionConfig", (*config.EncryptionConfiguration)(nil), (*apiserverv1.EncryptionConfiguration)(nil), loadEncryption},
		{apiserverGroup + "/v1", "AdmissionConfiguration", (*config.AdmissionConfiguration)(nil), (*apiserverv1.AdmissionConfiguration)(nil), loadAPIServer},
		{"apiserver.k8s.io/v1alpha1", "AdmissionConfiguration", (*config.AdmissionConfiguration)(nil), (*apiserverv1alpha1.AdmissionConfiguration)(nil), loadAPIServer},
		{"audit.k8s.io/v1", "Policy", (*config.AuditPolicy)(nil), (*auditv1.Policy)(nil), loadAudit},
		{"kubelet.config.k8s.io/v1beta1", "KubeletConfiguration", (*config.KubeletConfiguration)(nil), (*kubeletv1beta1.KubeletConfiguration)(nil), loadKubelet},
		{"kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration", (*config.KubeSchedulerConfiguration)(nil), (*schedulerv1.KubeSchedulerConfiguration)(nil), loadScheduler},
		{"kubeadm.k8s.io/v1", "ClusterConfiguration", (*config.ClusterConfiguration)(nil), (*kubeadmv1.ClusterConfiguration)(nil), loadKubeadm(&kubeadm.ClusterConfiguration{})},
		{"kubeadm.k8s.io/v1", "InitConfiguration", (*config.InitConfiguration)(nil), (*kubeadmv1.InitConfiguration)(nil), loadKubeadm(&kubeadm.InitConfiguration{})},
		{"kubeadm.k8s.io/v1", "JoinConfiguration", (*config.JoinConfiguration)(nil), (*kubeadmv1.JoinConfiguration)(nil), loadKubeadm(&kubeadm.JoinConfiguration{})},
		{"kubeadm.k8s.io/v1beta4", "ClusterConfiguration", (*config.ClusterConfiguration)(nil), (*kubeadmv1beta4.ClusterConfiguration)(nil), loadKubeadm(&kubeadm.ClusterConfiguration{})},
		{"kubeadm.k8s.io/v1beta4", "InitConfiguration", (*config.InitConfiguration)(nil), (*kubeadmv1beta4.InitConfiguration)(nil), loadKubeadm(&kubeadm.InitConfiguration{})},
		{"kubeadm.k8s.io/v1beta4", "JoinConfiguration", (*config.JoinConfiguration)(nil), (*kubeadmv1beta4.JoinConfiguration)(nil), loadKubeadm(&kubeadm.JoinConfiguration{})},
		{"v1", "Config", (*config.Kubeconfig)(nil), (*clientcmdv1.Config)(nil), loadKubeconfig},
	}
}

var apiserverCodecs = func() serializer.CodecFactory {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict)
}()

// loadAPIServer decodes as pkg/kubeapiserver/options/authentication.go, pkg/apis/apiserver/load and pkg/admission do.
func loadAPIServer(data []byte) (bool, error) {
	_, err := runtime.Decode(apiserverCodecs.UniversalDecoder(), data)
	return false, err
}

var encryptionCodecs = func() serializer.CodecFactory {
	scheme := runtime.NewScheme()
	utilruntime.Must(apiserver.AddToScheme(scheme))
	utilruntime.Must(apiserverv1.AddToScheme(scheme))
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict)
}()

// loadEncryption decodes as pkg/server/options/encryptionconfig/config.go, loadConfig.
func loadEncryption(data []byte) (bool, error) {
	_, _, err := encryptionCodecs.UniversalDecoder().Decode(data, nil, nil)
	return false, err
}

var auditStrict, auditLenient = func() (runtime.Decoder, runtime.Decoder) {
	scheme := runtime.NewScheme()
	utilruntime.Must(audit.AddToScheme(scheme))
	utilruntime.Must(auditv1.AddToScheme(scheme))
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder(),
		serializer.NewCodecFactory(scheme).UniversalDecoder(auditv1.SchemeGroupVersion)
}()

// loadAudit decodes as pkg/audit/policy/reader.go, LoadPolicyFromBytes.
func loadAudit(data []byte) (bool, error) {
	_, _, err := auditStrict.Decode(data, nil, &audit.Policy{})
	if err == nil || !runtime.IsStrictDecodingError(err) {
		return false, err
	}
	_, _, err = auditLenient.Decode(data, nil, &audit.Policy{})
	return true, err
}

func loadKubelet(data []byte) (bool, error) {
	_, codecs, err := kubeletscheme.NewSchemeAndCodecs(serializer.EnableStrict)
	if err != nil {
		return false, err
	}
	_, _, strictErr := codecs.UniversalDecoder().Decode(data, nil, nil)
	ctx := klog.NewContext(context.Background(), logr.Discard()) // for its warnings
	_, err = codec.DecodeKubeletConfiguration(ctx, codecs, data)
	return strictErr != nil && err == nil, err
}

// loadScheduler decodes as cmd/kube-scheduler/app/options/configfile.go.
func loadScheduler(data []byte) (bool, error) {
	_, _, err := schedulerscheme.Codecs.UniversalDecoder().Decode(data, nil, nil)
	return false, err
}

// loadKubeadm decodes as cmd/kubeadm/app/util/config.
func loadKubeadm(into runtime.Object) func([]byte) (bool, error) {
	return func(data []byte) (bool, error) {
		var meta metav1.TypeMeta
		if err := json.Unmarshal(data, &meta); err != nil {
			return false, err
		}
		strictErr := strict.VerifyUnmarshalStrict([]*runtime.Scheme{kubeadmscheme.Scheme}, schema.FromAPIVersionAndKind(meta.APIVersion, meta.Kind), data)
		err := runtime.DecodeInto(kubeadmscheme.Codecs.UniversalDecoder(), data, into.DeepCopyObject())
		return strictErr != nil && err == nil, err
	}
}

func loadKubeconfig(data []byte) (bool, error) {
	_, err := clientcmd.Load(data)
	return false, err
}

// filler draws values of upstream's types that their decoders accept.
type filler struct{ r *rand.Rand }

func (f filler) text() string {
	return pick(f.r, []string{"", "a", "b", "x y", "é", "\"", "1", "true", "null", "a/b", "ü\n", "<&>"})
}

// document draws a document of a kind.
func (f filler) document(k configKind) []byte {
	v := reflect.New(reflect.TypeOf(k.theirs).Elem())
	f.fill(v.Elem(), 0)
	if kubelet, ok := v.Interface().(*kubeletv1beta1.KubeletConfiguration); ok { // defaulting panics on gates that it does not know
		kubelet.FeatureGates = map[string]bool{"RotateKubeletServerCertificate": f.r.IntN(2) == 0}
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		panic(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		panic(err)
	}
	fields["apiVersion"], fields["kind"] = json.RawMessage(`"`+k.apiVersion+`"`), json.RawMessage(`"`+k.kind+`"`)
	if text, err = json.Marshal(fields); err != nil {
		panic(err)
	}
	if _, err := k.load(text); err != nil && k.kind == "Config" {
		return f.document(k) // names that repeat
	}
	return text
}

func (f filler) fill(v reflect.Value, depth int) {
	if v.CanAddr() {
		switch p := v.Addr().Interface().(type) {
		case *metav1.TypeMeta:
			return
		case *metav1.ObjectMeta:
			p.Name, p.Labels = f.text(), map[string]string{"a": f.text()}
			return
		case *metav1.Duration:
			p.Duration = time.Duration(f.r.IntN(100_000)) * time.Millisecond
			return
		case *metav1.Time:
			p.Time = time.Unix(int64(f.r.IntN(1<<31)), 0)
			return
		case *resource.Quantity:
			*p = *resource.NewQuantity(int64(f.r.IntN(1<<20)), resource.BinarySI)
			return
		case *bootstraptokenv1.BootstrapTokenString:
			p.ID, p.Secret = "abcdef", fmt.Sprintf("%016d", f.r.IntN(1000))
			return
		case *runtime.Unknown:
			p.Raw = f.raw()
			return
		case *runtime.RawExtension:
			p.Raw = f.raw()
			return
		case *schedulerv1.PluginConfig:
			f.pluginConfig(p, depth)
			return
		}
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.r.IntN(2) == 0)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.r.IntN(5) - 1))
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(uint64(f.r.IntN(200)))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(f.r.IntN(100)) / 4)
	case reflect.String:
		v.SetString(f.text())
	case reflect.Pointer:
		if f.r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		if n := f.r.IntN(4) - 1; n >= 0 && depth < 12 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				f.fill(v.Index(i), depth+1)
			}
		}
	case reflect.Map:
		if n := f.r.IntN(3) - 1; n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				f.fill(key, depth+1)
				f.fill(value, depth+1)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				f.fill(v.Field(i), depth+1)
			}
		}
	default:
		panic("no way to fill " + v.Type().String())
	}
}

func (f filler) raw() []byte {
	return []byte(pick(f.r, []string{`{}`, `{"a":[1,{"b":"c"}]}`, `{"kind":"K"}`}))
}

func (f filler) pluginConfig(p *schedulerv1.PluginConfig, depth int) {
	args := []struct {
		name string
		args any
	}{
		{"NodeAffinity", &schedulerv1.NodeAffinityArgs{}}, {"PodTopologySpread", &schedulerv1.PodTopologySpreadArgs{}},
		{"DefaultPreemption", &schedulerv1.DefaultPreemptionArgs{}}, {"InterPodAffinity", &schedulerv1.InterPodAffinityArgs{}},
		{"NodeResourcesFit", &schedulerv1.NodeResourcesFitArgs{}}, {"VolumeBinding", &schedulerv1.VolumeBindingArgs{}},
		{"NodeResourcesBalancedAllocation", &schedulerv1.NodeResourcesBalancedAllocationArgs{}},
		{"DynamicResources", &schedulerv1.DynamicResourcesArgs{}}, {"Other", nil},
	}
	drawn := args[f.r.IntN(len(args))]
	p.Name = drawn.name
	if drawn.args == nil {
		p.Args.Raw = f.raw()
		return
	}
	f.fill(reflect.ValueOf(drawn.args).Elem(), depth+1)
	text, err := json.Marshal(drawn.args)
	if err != nil {
		panic(err)
	}
	p.Args.Raw = text
}

// A member of a JSON object.
type member struct {
	key   string
	value *jsonValue
}

// jsonValue is a JSON value that keeps the order and the repeats of keys.
type jsonValue struct {
	members  []member
	elements []*jsonValue
	object   bool
	array    bool
	scalar   string // its text
}

func parseJSON(text []byte) *jsonValue {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return parseValue(d)
}

func parseValue(d *json.Decoder) *jsonValue {
	token, err := d.Token()
	if err != nil {
		panic(err)
	}
	switch token {
	case json.Delim('{'):
		v := &jsonValue{object: true}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				panic(err)
			}
			v.members = append(v.members, member{key.(string), parseValue(d)})
		}
		_, _ = d.Token()
		return v
	case json.Delim('['):
		v := &jsonValue{array: true}
		for d.More() {
			v.elements = append(v.elements, parseValue(d))
		}
		_, _ = d.Token()
		return v
	}
	text, err := json.Marshal(token)
	if err != nil {
		panic(err)
	}
	return &jsonValue{scalar: string(text)}
}

func (v *jsonValue) write(b *strings.Builder) {
	switch {
	case v.object:
		b.WriteByte('{')
		for i, m := range v.members {
			if i > 0 {
				b.WriteByte(',')
			}
			key, _ := json.Marshal(m.key)
			b.Write(key)
			b.WriteByte(':')
			m.value.write(b)
		}
		b.WriteByte('}')
	case v.array:
		b.WriteByte('[')
		for i, e := range v.elements {
			if i > 0 {
				b.WriteByte(',')
			}
			e.write(b)
		}
		b.WriteByte(']')
	default:
		b.WriteString(v.scalar)
	}
}

func (v *jsonValue) text() []byte {
	var b strings.Builder
	v.write(&b)
	return []byte(b.String())
}

// objects are all objects in v but those below a key of except, with the key that they are below.
func (v *jsonValue) objects(except map[string]bool) []*jsonValue {
	var out []*jsonValue
	if v.object {
		out = append(out, v)
		for _, m := range v.members {
			if !except[m.key] {
				out = append(out, m.value.objects(except)...)
			}
		}
	}
	for _, e := range v.elements {
		out = append(out, e.objects(except)...)
	}
	return out
}

// mutate changes one thing in a document, outside of the members of except.
func mutate(r *rand.Rand, doc *jsonValue, except map[string]bool) (what string) {
	objects := doc.objects(except)
	o := objects[r.IntN(len(objects))]
	var members []int
	for i, m := range o.members {
		if !except[m.key] && m.key != "apiVersion" && m.key != "kind" {
			members = append(members, i)
		}
	}
	if len(members) == 0 || r.IntN(6) == 0 {
		o.members = append(o.members, member{"unknown", &jsonValue{scalar: "1"}})
		return "unknown field"
	}
	i := members[r.IntN(len(members))]
	m := &o.members[i]
	switch r.IntN(5) {
	case 0:
		o.members = append(o.members, *m)
		return "set twice: " + m.key
	case 1:
		m.key = strings.ToUpper(m.key[:min(1, len(m.key))]) + m.key[min(1, len(m.key)):]
		return "case: " + m.key
	case 2:
		o.members = append(o.members[:i:i], o.members[i+1:]...)
		return "left out"
	default:
		scalars := []string{`"a"`, "1", "1.5", "true", "null", `"1s"`, `"1"`, "-3", "99999999999", `""`}
		switch n := r.IntN(len(scalars) + 3); n {
		case len(scalars):
			m.value = &jsonValue{object: true}
		case len(scalars) + 1:
			m.value = &jsonValue{array: true}
		case len(scalars) + 2:
			m.value = &jsonValue{array: true, elements: []*jsonValue{{scalar: "1"}}}
		default:
			m.value = &jsonValue{scalar: scalars[n]}
		}
		return "value: " + m.key + " " + string(m.value.text())
	}
}
