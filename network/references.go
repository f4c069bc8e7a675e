package network

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
)

// host is what looks like the name of a Service with a port, as in "http://orders.shop.svc:8080/path" or "db:5432".
var host = regexp.MustCompile(`^(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]*@)?([a-z0-9]([-a-z0-9]*[a-z0-9])?)(?:\.([a-z0-9]([-a-z0-9]*[a-z0-9])?))?(?:\.svc(?:\.[-a-z0-9.]+)?)?(?::([0-9]{1,5}))?(?:/.*)?$`)

// notHosts are names of variables whose values are no hosts, even where a Service is called so.
var notHosts = regexp.MustCompile(`(?i)(^|_)(name|user|username|password|db|database|id|mode|env|environment|key|type|role|version|region|level|format)$`)

// reference is what a pod's spec says of a Service, with the pods behind it.
type reference struct {
	from    *Pod
	what    string // such as "environment variable DB"
	path    []any  // within the pod's spec
	service *inventory.Object
	to      []*Pod
	ports   []Ports // of each
}

// spoken is a text of a container that may name a host.
type spoken struct {
	what  string
	path  []any
	value string
	bare  bool // a name alone counts
}

// texts lists what a container is told: by values of its environment, its own and those of ConfigMaps, and by arguments, of
// which names alone are too often something else.
func (f *entryFinder) texts(namespace string, i int, c *corev1.Container) []spoken {
	var out []spoken
	variable := func(name, value string, path ...any) {
		if value != "" {
			out = append(out, spoken{"environment variable " + name, append([]any{"containers", i}, path...), value, !notHosts.MatchString(name)})
		}
	}
	for j, from := range c.EnvFrom {
		if from.ConfigMapRef == nil {
			continue
		}
		if _, m, ok := inventory.TypedGet[corev1.ConfigMap](f.inv, namespace, from.ConfigMapRef.Name); ok {
			for _, key := range slices.Sorted(maps.Keys(m.Data)) {
				variable(from.Prefix+key, m.Data[key], "envFrom", j)
			}
		}
	}
	for j, env := range c.Env {
		value := env.Value
		if ref := env.ValueFrom; ref != nil && ref.ConfigMapKeyRef != nil {
			if _, m, ok := inventory.TypedGet[corev1.ConfigMap](f.inv, namespace, ref.ConfigMapKeyRef.Name); ok {
				value = m.Data[ref.ConfigMapKeyRef.Key]
			}
		}
		variable(env.Name, value, "env", j)
	}
	for field, words := range map[string][]string{"command": c.Command, "args": c.Args} {
		for j, word := range words {
			option := "argument"
			if strings.HasPrefix(word, "-") {
				name, value, ok := strings.Cut(word, "=")
				if !ok {
					continue
				}
				option, word = "argument "+name, value
			}
			out = append(out, spoken{option, []any{"containers", i, field, j}, word, false})
		}
	}
	slices.SortStableFunc(out, func(a, b spoken) int {
		return cmp.Compare(inventory.PathString(a.path...), inventory.PathString(b.path...))
	})
	return out
}

// references finds what workloads say of Services in what their containers are told, as programs commonly learn where
// others are: a name with its port, or a name alone for all ports of the Service. Pods of a workload that no policy tells
// apart speak once. Cost: texts, and for each distinct one of a namespace that names a Service the pods there.
func (z *Zones) references(inv *inventory.Inventory) []reference {
	f := newEntryFinder(z.m, inv)
	type speaker struct {
		workload *inventory.Workload
		class    int
	}
	type said struct {
		namespace, value string
		bare             bool
	}
	known := map[said]*reference{}
	heard := map[speaker]bool{}
	var out []reference
	for _, p := range z.m.pods {
		if k := (speaker{p.Workload, p.class}); heard[k] {
			continue
		} else {
			heard[k] = true
		}
		before := map[string]bool{}
		for i := range p.Spec.Containers {
			for _, text := range f.texts(p.Namespace, i, &p.Spec.Containers[i]) {
				if before[text.value] {
					continue
				}
				k := said{p.Namespace, text.value, text.bare}
				to, asked := known[k]
				if !asked {
					to = f.behind(p.Namespace, text.value, text.bare)
					known[k] = to
				}
				if to == nil {
					continue
				}
				before[text.value] = true
				r := reference{from: p, what: text.what, path: text.path, service: to.service}
				for n, q := range to.to {
					if q != p {
						r.to, r.ports = append(r.to, q), append(r.ports, to.ports[n])
					}
				}
				out = append(out, r)
			}
		}
	}
	return out
}

// behind is what a value names from a namespace; nil where it is no Service, or a name alone and that does not count.
func (f *entryFinder) behind(namespace, value string, bare bool) *reference {
	m := host.FindStringSubmatch(value)
	if m == nil || !bare && m[1] == value {
		return nil
	}
	namespace = cmp.Or(m[3], namespace)
	o, s, ok := inventory.TypedGet[corev1.Service](f.inv, namespace, m[1])
	if !ok {
		return nil
	}
	var port *intstr.IntOrString
	if n, err := strconv.Atoi(m[5]); err == nil {
		v := intstr.FromInt32(int32(n))
		port = &v
	}
	r := &reference{service: o}
	f.backends(namespace, s, port, func(to *Pod, ports Ports) { r.to, r.ports = append(r.to, to), append(r.ports, ports) })
	return r
}

// References are the connections that workloads speak of in the values of their environment, those from ConfigMaps too, and
// in their arguments: to the Services that these name, on the port that they give or on all ports of the Service. A Service
// without a selector has no pods to connect to.
func (z *Zones) References(inv *inventory.Inventory) []Requirement {
	var out []Requirement
	for _, r := range z.references(inv) {
		for i, to := range r.to {
			out = append(out, Requirement{End{Pod: r.from}, End{Pod: to}, r.ports[i], r.what})
		}
	}
	return out
}
