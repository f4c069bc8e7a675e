package nodetrust

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

func joinChecks() []nist190.Check {
	return []nist190.Check{
		asking(bootstrapToken, checkBootstrapTokens), asking(joinVerification, checkJoins), asking(agentToken, checkAgentTokens),
	}
}

var bootstrapToken = nist190.Metadata{
	ID: "nodetrust-bootstrap-token", Title: "Token for joining that lives long or is written down",
	Doc: `A token with which machines join the cluster never ends, lives for longer than a day, or stands in a file. Whoever has it
registers a node, gets a certificate for it, and receives pods with their Secrets.

Tokens of kubeadm live for a day where nothing is said (cmd/kubeadm/app/constants, DefaultTokenDuration) and are deleted
then. Of a Secret only metadata is read: one that is older than a day has no such end, and one in a manifest is known to
whoever reads the manifest. The key that encrypts the certificates of the control plane (certificateKey) is a token as well: with it
a machine becomes a part of the control plane.

Before:

    bootstrapTokens: [{token: abcdef.0123456789abcdef, ttl: 0s}]

After: no token in the file. One for each time that nodes join:

    kubeadm token create --ttl 1h`,
	Claims: nist190.Claims("5a"), Controls: []string{"IA-3", "IA-5(7)", "IA-5(13)"}, CIS: []string{"3.1.3"}, Severity: nist190.SeverityHigh,
	Remediation: "Delete the token (kubeadm token delete), make a new one with a short --ttl when nodes are to join, and take it out of files and their history.",
	Subjects:    []schema.GroupKind{{Kind: "Secret"}},
	// Each Secret answers for itself.
	Needs: []inventory.Need{{Kind: "Secret", Resource: "secrets", Bias: inventory.Incriminating, MetadataOnly: true}},
	Limits: `When the token of a Secret ends is in its payload, which is never read: a young one is not assessed. Tokens in the history
of a repository, or in user data of machines, are not seen.`,
}

const (
	tokenLife   = 24 * time.Hour
	tokenOfNode = "bootstrap.kubernetes.io/token" // bootstrapapi.SecretTypeBootstrapToken
)

// defaultTokenGroups are those of kubeadm (cmd/kubeadm/app/constants, NodeBootstrapTokenAuthGroup).
var defaultTokenGroups = []string{"system:bootstrappers:kubeadm:default-node-token"}

func checkBootstrapTokens(e *nist190.Eval, v *controlplane.View) {
	found := false
	for _, t := range v.Tokens() {
		if t.Object == nil {
			continue
		}
		found = true
		key := inventory.PathString(t.Path...)
		at := nist190.At(t.Object, t.Path...)
		if why, severity := tokenFlaw(t); why != "" {
			e.Report(nist190.Outcome{Status: nist190.Fail, Subject: t.Object.Ref(), Key: key, Severity: severity, Message: why, Evidence: []nist190.Evidence{at}})
		} else {
			e.Report(nist190.Outcome{Status: nist190.Pass, Subject: t.Object.Ref(), Key: key, Evidence: []nist190.Evidence{at}})
		}
	}
	now := inventory.Now(e.Inventory)
	for o, s := range inventory.Typed[corev1.Secret](e.Inventory) {
		if s.Type != tokenOfNode {
			continue
		}
		found = true
		at := nist190.At(o, "type").Showing(tokenOfNode)
		age := now.Sub(s.CreationTimestamp.Time)
		switch {
		case o.Namespace() != "kube-system":
			e.NotApplicable(o.Ref(), "the API server looks for tokens in kube-system only")
		case s.CreationTimestamp.IsZero() && s.UID == "":
			e.Fail(o.Ref(), "", "a manifest holds a token with which nodes join", at)
		case age > tokenLife:
			e.Fail(o.Ref(), "", fmt.Sprintf("the token has let nodes join for %s, and nothing ends it within a day", days(age)), nist190.At(o, "metadata", "creationTimestamp"), at)
		default:
			e.NotAssessed(o.Ref(), nist190.ReasonUnknown, "when the token ends is in its payload, which is not read", at)
		}
	}
	switch {
	case found:
	case inventory.World.Get(e.Inventory) == "":
		e.Pass(inventory.Cluster)
	default:
		notSeen(e, "no description of tokens for joining was found", "the kubeadm InitConfiguration", "Secrets of kube-system from the cluster")
	}
}

// tokenFlaw says what is wrong with a token that is written down.
func tokenFlaw(t process.Token) (string, nist190.Severity) {
	switch {
	case t.Certificates && t.Literal():
		return "the key that decrypts the certificates of the control plane is written down", nist190.SeverityCritical
	case t.Certificates:
		return "", 0
	case t.Literal():
		return "a token with which nodes join is written down", 0
	case t.TTL != nil && *t.TTL == 0 && t.Class == "":
		return "the token never ends", 0
	case t.TTL != nil && *t.TTL > tokenLife:
		return fmt.Sprintf("the token lives for %s", days(*t.TTL)), nist190.SeverityMedium
	}
	for _, g := range t.Groups {
		if !slices.Contains(defaultTokenGroups, g) {
			return fmt.Sprintf("whoever has the token is in group %q as well", g), nist190.SeverityMedium
		}
	}
	return "", 0
}

// days words a duration of more than a day.
func days(d time.Duration) string {
	if n := int(d.Hours() / 24); n > 1 {
		return fmt.Sprintf("%d days", n)
	}
	return fmt.Sprintf("%d hours", int(d.Hours()))
}

// notSeen reports that nothing tells, once for the cluster, and what would.
func notSeen(e *nist190.Eval, message string, wanted ...string) {
	e.Report(judge.NotAssessed(inventory.Cluster, "not seen", controlplane.Basis{Reason: message, Wanted: wanted}))
}

var joinVerification = nist190.Metadata{
	ID: "nodetrust-join-verification", Title: "Node that joins whatever cluster answers",
	Doc: `A machine joins without knowing the CA of the cluster. Who answers in the place of the API server gets its token, and with
it a way into the real cluster, and may give the machine any pod to run.

By a token alone kubeadm takes the hash of the CA's key as well, unless it is told not to; a file for discovery has the CA in
it. A token of k3s or RKE2 carries the hash in its long form, K10<hash>::, and none in its short one.

Before:

    discovery: {bootstrapToken: {token: abcdef.0123456789abcdef, unsafeSkipCAVerification: true}}

After:

    discovery: {bootstrapToken: {token: abcdef.0123456789abcdef, caCertHashes: ["sha256:1f2e..."]}}`,
	Claims:   []nist190.Claim{{Sentence: "5a", Conclusive: true}, {Sentence: "5f"}},
	Controls: []string{"IA-3(1)", "SC-8"}, Severity: nist190.SeverityCritical,
	Remediation: "Give caCertHashes (kubeadm token create --print-join-command prints them) or a file for discovery with the CA, and the long form of k3s tokens (/var/lib/rancher/k3s/server/token).",
	Limits:      "A file for discovery is not followed. How the machine images and user data of a cloud join is not seen.",
}

func checkJoins(e *nist190.Eval, v *controlplane.View) {
	found := false
	for _, j := range v.Joins() {
		if j.Object == nil || j.Method == process.ByHash && j.Endpoint == "" { // how others join this server
			continue
		}
		found = true
		out := nist190.Outcome{Status: nist190.Pass, Subject: j.Object.Ref(), Key: inventory.PathString(j.Path...), Evidence: []nist190.Evidence{nist190.At(j.Object, j.Path...)}}
		switch {
		case j.SkipCA && j.Method == process.ByHash:
			out.Status, out.Message = nist190.Fail, "the node joins with a token that does not name the CA of the cluster, and trusts whoever answers"
		case j.SkipCA:
			out.Status, out.Message = nist190.Fail, "the node joins without verifying the CA of the cluster"
		case j.Method == process.ByFile && strings.HasPrefix(j.File, "http://"):
			out.Status, out.Message = nist190.Fail, "the node fetches the cluster's CA without TLS"
		case j.Method == process.ByHash && j.Token.Class == "":
			out.Status, out.Reason, out.Message = nist190.NotAssessed, nist190.ReasonUnknown, "the token with which the node joins is not in the file, and so is not whether it names the CA"
		}
		e.Report(out)
	}
	if !found {
		notSeen(e, "nothing describes how nodes join", "the kubeadm JoinConfiguration", "machines of Cluster API", "the configuration of k3s or RKE2 agents")
	}
}

var agentToken = nist190.Metadata{
	ID: "nodetrust-agent-token", Title: "Agents that join with the token of servers",
	Doc: `Agents of k3s or RKE2 join with the token with which servers join. Whoever takes it from one node becomes a part of the
control plane, with everything that the cluster knows.

Without agent-token that is so.

Before:

    token: K10<hash>::server:<password>

After:

    token: K10<hash>::server:<password>
    agent-token: <another password>`,
	Claims: nist190.Claims("5a", "5d"), Controls: []string{"IA-3", "AC-6"}, Severity: nist190.SeverityHigh,
	Remediation: "Set agent-token (or agent-token-file) on every server to another secret than token, and give agents that one.",
}

func checkAgentTokens(e *nist190.Eval, v *controlplane.View) {
	found := false
	for _, j := range v.Joins() {
		if j.Object == nil || j.Method != process.ByHash || j.Endpoint != "" {
			continue
		}
		found = true
		at := nist190.At(j.Object, j.Path...)
		if j.Fallback {
			e.Fail(j.Object.Ref(), "", "agents join with the token with which servers join", at)
		} else {
			e.Pass(j.Object.Ref(), at)
		}
	}
	if !found {
		e.NotApplicable(inventory.Cluster, "no server of k3s or RKE2 is described that gives its token")
	}
}
