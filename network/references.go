package network

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
)

// host is what looks like the name of a Service with a port, as in "http://orders.shop.svc:8080/path" or "db:5432".
var host = regexp.MustCompile(`^(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]*@)?([a-z0-9]([-a-z0-9]*[a-z0-9])?)(?:\.([a-z0-9]([-a-z0-9]*[a-z0-9])?))?(?:\.svc(?:\.[-a-z0-9.]+)?)?(?::([0-9]{1,5}))?(?:/.*)?$`)

// reference is what a variable of a pod's environment says of a Service, with the pods behind it.
type reference struct {
	from           *Pod
	container, env int
	service        *inventory.Object
	to             []*Pod
	ports          []Ports // of each
}

func (r *reference) variable() string { return r.from.Spec.Containers[r.container].Env[r.env].Name }

// references finds what workloads say of Services in the values of their environment, as programs are commonly told where
// others are: a name with its port, or a name alone for all ports of the Service. Pods of a workload that no policy tells
// apart speak once. Cost: variables, and for each distinct value of a namespace that names a Service the pods there.
func (z *Zones) references(inv *inventory.Inventory) []reference {
	f := &entryFinder{inv: inv, pods: map[string][]*Pod{}}
	for _, p := range z.m.pods {
		f.pods[p.Namespace] = append(f.pods[p.Namespace], p)
	}
	type speaker struct {
		workload *inventory.Workload
		class    int
		value    string
	}
	type said struct{ namespace, value string }
	spoken, known := map[speaker]bool{}, map[said]*reference{}
	var out []reference
	for _, p := range z.m.pods {
		for i := range p.Spec.Containers {
			for j, env := range p.Spec.Containers[i].Env {
				if env.Value == "" || spoken[speaker{p.Workload, p.class, env.Value}] {
					continue
				}
				spoken[speaker{p.Workload, p.class, env.Value}] = true
				k := said{p.Namespace, env.Value}
				to, asked := known[k]
				if !asked {
					to = f.behind(p.Namespace, env.Value)
					known[k] = to
				}
				if to == nil {
					continue
				}
				r := reference{from: p, container: i, env: j, service: to.service}
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

// behind is what a value names from a namespace; nil where it is no Service.
func (f *entryFinder) behind(namespace, value string) *reference {
	m := host.FindStringSubmatch(value)
	if m == nil {
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

// References are the connections that workloads speak of in the values of their environment: to the Services that these
// name, on the port that they give or on all ports of the Service. A Service without a selector has no pods to connect to.
func (z *Zones) References(inv *inventory.Inventory) []Requirement {
	var out []Requirement
	for _, r := range z.references(inv) {
		for i, to := range r.to {
			why := fmt.Sprintf("environment variable %s of container %s", r.variable(), strings.ToValidUTF8(r.from.Spec.Containers[r.container].Name, ""))
			out = append(out, Requirement{End{Pod: r.from}, End{Pod: to}, r.ports[i], why})
		}
	}
	return out
}
