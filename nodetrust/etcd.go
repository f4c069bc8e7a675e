package nodetrust

import (
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/inventory"
)

func etcdChecks() []nist190.Check {
	return []nist190.Check{
		onCluster(etcdClientTLS, func(v *controlplane.View) controlplane.Value[controlplane.Transport] { return v.Etcd().Client() },
			func(t controlplane.Transport) string { return plainTransport("clients", t) }),
		onCluster(etcdPeerTLS, func(v *controlplane.View) controlplane.Value[controlplane.Transport] { return v.Etcd().Peer() },
			func(t controlplane.Transport) string { return plainTransport("other members", t) }),
		asking(etcdCA, checkEtcdCA),
		onCluster(etcdMetrics, func(v *controlplane.View) controlplane.Value[[]string] { return v.Etcd().MetricsURLs() }, openMetrics),
	}
}

// plainTransport says why a side of etcd does not prove both ends.
func plainTransport(peers string, t controlplane.Transport) string {
	switch {
	case len(t.Plain()) > 0:
		return "etcd listens for " + peers + " without TLS"
	case t.AutoTLS:
		return "etcd makes up its certificate for " + peers + " at every start"
	case t.CertFile == "" || t.KeyFile == "":
		return "etcd has no certificate for " + peers
	case !t.ClientCertAuth:
		return "etcd asks " + peers + " for no certificate"
	case t.TrustedCAFile == "":
		return "etcd has no CA that it verifies " + peers + " by"
	}
	return ""
}

func openMetrics(urls []string) string {
	for _, u := range urls {
		host, plain := strings.CutPrefix(u, "http://")
		if plain && !isLoopback(host) {
			return "etcd serves its metrics without TLS beyond its own host"
		}
	}
	return ""
}

// isLoopback reads a host with a port, or without.
func isLoopback(host string) bool {
	host, _, _ = strings.Cut(host, "/")
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.") || strings.HasPrefix(host, "localhost:") || strings.HasPrefix(host, "[::1]")
}

// checkEtcdCA compares the names of files. That different names hold one certificate is not seen.
func checkEtcdCA(e *nist190.Eval, v *controlplane.View) {
	client, etcd := v.APIServer().ClientCAFile(), v.Etcd().Client()
	for _, a := range client.Find(func(file string) bool { return file != "" }) {
		if same := etcd.Find(func(t controlplane.Transport) bool { return t.ClientCertAuth && t.TrustedCAFile == a.Value }); len(same) > 0 {
			out := nist190.Outcome{Status: nist190.Fail, Subject: inventory.Cluster,
				Message: "etcd trusts the CA of the cluster's clients (" + a.Value + "): every node and every administrator has a certificate for etcd"}
			judge.Rest(&out, same[0].Basis)
			judge.Rest(&out, a.Basis)
			e.Report(out)
			return
		}
	}
	out := judge.Outcome(inventory.Cluster, "", etcd, func(controlplane.Transport) string { return "" })
	if out.Status == nist190.Pass {
		of := judge.Outcome(inventory.Cluster, "", client, func(string) string { return "" })
		if of.Status != nist190.Pass {
			out = of
		}
	}
	e.Report(out)
}

var etcdClientTLS = nist190.Metadata{
	ID: "nodetrust-etcd-client-tls", Title: "etcd that clients reach without mutual TLS",
	Doc: `A member of etcd listens without TLS, makes its certificates up, or asks clients for none. Who reaches it reads and writes
everything that the cluster knows, past the API server and its authorization.

Flags, the environment and the file of --config-file count. By default etcd listens without TLS; kubeadm sets it up.

Before:

    --listen-client-urls=http://0.0.0.0:2379

After:

    --listen-client-urls=https://10.0.0.1:2379
    --cert-file=/etc/kubernetes/pki/etcd/server.crt
    --key-file=/etc/kubernetes/pki/etcd/server.key
    --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
    --client-cert-auth=true`,
	Claims:   []nist190.Claim{{Sentence: "5f", Conclusive: true}, {Sentence: "5g"}},
	Controls: []string{"SC-8(1)", "IA-9"}, CIS: []string{"2.1", "2.2", "2.3"}, Severity: nist190.SeverityHigh,
	Remediation: "Listen by https only, and set --cert-file, --key-file, --trusted-ca-file and --client-cert-auth; remove --auto-tls.",
}

var etcdPeerTLS = nist190.Metadata{
	ID: "nodetrust-etcd-peer-tls", Title: "etcd whose members talk without mutual TLS",
	Doc: `Members of etcd talk to each other without TLS, with certificates that they make up, or without asking for one. Who reaches
the port of peers joins the cluster's memory. It counts for a single member as well: the port is open.

Before:

    --listen-peer-urls=http://10.0.0.1:2380

After:

    --listen-peer-urls=https://10.0.0.1:2380
    --peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt
    --peer-key-file=/etc/kubernetes/pki/etcd/peer.key
    --peer-trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
    --peer-client-cert-auth=true`,
	Claims:   []nist190.Claim{{Sentence: "5f", Conclusive: true}, {Sentence: "5g"}},
	Controls: []string{"SC-8(1)", "IA-9"}, CIS: []string{"2.4", "2.5", "2.6"}, Severity: nist190.SeverityHigh,
	Remediation: "Listen for peers by https only, and set --peer-cert-file, --peer-key-file, --peer-trusted-ca-file and --peer-client-cert-auth; remove --peer-auto-tls.",
}

var etcdCA = nist190.Metadata{
	ID: "nodetrust-etcd-ca", Title: "etcd that trusts the cluster's client CA",
	Doc: `etcd verifies its clients by the CA that signs the certificates of the cluster's users and nodes. Whoever has any such
certificate, as every kubelet does, then reads and writes etcd: it knows no rights within the cluster's data.

Before:

    --trusted-ca-file=/etc/kubernetes/pki/ca.crt

After:

    --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt`,
	Claims: nist190.Claims("5d", "5f"), Controls: []string{"SC-17", "AC-6"}, CIS: []string{"2.7"}, Severity: nist190.SeverityHigh,
	Remediation: "Make a CA for etcd alone, sign the certificates of members and of the API server's client by it, and name it in --trusted-ca-file.",
	Limits:      "Files are compared by their names: that two files hold one certificate is not seen.",
}

var etcdMetrics = nist190.Metadata{
	ID: "nodetrust-etcd-metrics", Title: "etcd that serves metrics without TLS beyond its host",
	Doc: `A member of etcd serves metrics and health by http on an address that others reach. They tell who asks it and how much it
holds, and nobody has to log in.

Before:

    --listen-metrics-urls=http://0.0.0.0:2381

After:

    --listen-metrics-urls=http://127.0.0.1:2381`,
	Claims: nist190.Claims("5g", "5h"), Controls: []string{"SC-8", "CM-7"}, Severity: nist190.SeverityLow,
	Remediation: "Listen on 127.0.0.1, or by https.",
}
