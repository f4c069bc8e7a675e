package placement

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var reusedNode = nist190.Metadata{
	ID: "placement-reused-node", Title: "Node of a level that still holds images of another",
	Doc: `A node is labelled for one sensitivity level, and among its images are some that only workloads of another level use.

It was that level's before, or pods of it strayed there: a label changes who comes, and not what is on the disk. Logs, host
paths, local volumes and images of those who left are still there. The kubelet lists its images in the node's status, up to
fifty of them.

Before:

    kubectl label --overwrite node node-3 sensitivity.node-restriction.kubernetes.io/level=public      # was restricted

After: the node is deleted, its disk wiped, and a new one joins with the label.`,
	Claims: nist190.Claims("4e"), Controls: []string{"SC-4", "MP-6"}, Severity: nist190.SeverityMedium,
	Subjects:    []schema.GroupKind{inventory.NeedOf[corev1.Node](inventory.Either).GroupKind()},
	Remediation: "Replace the node by a new one, or wipe it and let it join again; do not move nodes between levels by label.",
	Limits: `Images that workloads of several levels, infrastructure or nobody runs tell nothing. Levels whose pods run on the node at this
moment are placement-observed-sharing's to report. Images that somebody pulled ahead, or that came with the node's disk, look the same.`,
}

func checkReusedNode(e *nist190.Eval, s *Separation) {
	users := map[string][]sensitivity.Level{} // of an image
	present := map[string][]sensitivity.Level{}
	for _, p := range s.Feasibility.placements {
		w := p.Workload
		level := s.Levels.Workload(w.Ref()).Level
		for _, u := range distinctImages(w) {
			for _, name := range imageNames(u.ref) {
				if !slices.Contains(users[name], level) {
					users[name] = append(users[name], level)
				}
			}
		}
		for _, x := range w.Pods {
			if n := x.Pod.Spec.NodeName; n != "" && !inventory.Terminal(x.Pod) && !slices.Contains(present[n], level) {
				present[n] = append(present[n], level)
			}
		}
	}
	for _, n := range s.Feasibility.nodes {
		if n.Pool {
			continue
		}
		own := nodeLevel(e.Inventory, s.Levels, n)
		node, err := inventory.As[corev1.Node](n.Object)
		if own <= 0 || err != nil || len(node.Status.Images) == 0 {
			continue
		}
		out := nist190.Outcome{Status: nist190.Pass, Subject: n.Object.Ref(), Evidence: []nist190.Evidence{n.evidence()}}
		highest := sensitivity.Unclassified
		var foreign []string
		var at []nist190.Evidence
		for i := range node.Status.Images {
			level, name := foreignImage(node.Status.Images[i].Names, users, own)
			if level <= 0 || slices.Contains(present[n.Name], level) {
				continue
			}
			highest = max(highest, level)
			foreign = append(foreign, fmt.Sprintf("%q (%s)", name, s.Levels.Name(level)))
			at = append(at, nist190.At(n.Object, "status", "images", i).Showing(name))
		}
		if len(foreign) > 0 {
			out.Status, out.Evidence = nist190.Fail, few(at)
			out.Severity = nist190.SeverityLow
			if highest > own {
				out.Severity = min(severity(s.Levels, highest), nist190.SeverityMedium)
			}
			out.Message = fmt.Sprintf("it is for %s workloads and holds %s that only other levels use: %s; what they left is on its disk", s.Levels.Name(own), phrase.Count(len(foreign), "image"), phrase.Shorten(foreign))
		}
		e.Report(out)
	}
}

// imageNames are the names under which a node can list an image: by tag and by digest.
func imageNames(ref string) []string {
	im := inventory.ParseImage(ref)
	var out []string
	if im.Digest != "" {
		out = append(out, im.Host+"/"+im.Path+"@"+im.Digest)
	}
	if im.Tag != "" {
		out = append(out, im.Host+"/"+im.Path+":"+im.Tag)
	}
	return out
}

// foreignImage is the highest level that an image of a node tells of: one other than the node's own uses it, and neither
// that nor anything without a level.
func foreignImage(names []string, users map[string][]sensitivity.Level, own sensitivity.Level) (highest sensitivity.Level, by string) {
	for _, name := range names {
		for _, n := range imageNames(name) {
			for _, l := range users[n] {
				if l <= 0 || l == own {
					return sensitivity.Unclassified, ""
				}
				if l > highest {
					highest, by = l, name
				}
			}
		}
	}
	return highest, by
}
