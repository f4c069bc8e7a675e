package nodetrust

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// user is what a container runs as, as far as the pod says.
type user struct {
	nonRoot    bool // never root
	groups     bool // groups beside that of its user: a socket may belong to one, of whatever number
	rootGroup  bool // the group of root among them
	privileged bool
	overrides  bool // a capability that passes over file permissions or gains others
}

// confined: what only root of the node may use is out of reach.
func (u user) confined() bool { return u.nonRoot && !u.rootGroup && !u.privileged && !u.overrides }

// fileOverrides are the capabilities under which the permissions of files do not hold, or that can get there.
var fileOverrides = []string{"ALL", "DAC_OVERRIDE", "DAC_READ_SEARCH", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "SETUID", "CHOWN", "FOWNER"}

// userOf merges the contexts as pkg/securitycontext does: the container's fields win.
func userOf(pod *corev1.PodSecurityContext, c *corev1.SecurityContext) user {
	var u user
	var runAsUser *int64
	var nonRoot *bool
	if pod != nil {
		runAsUser, nonRoot = pod.RunAsUser, pod.RunAsNonRoot
		u.groups = len(pod.SupplementalGroups) > 0 || pod.FSGroup != nil || pod.RunAsGroup != nil
		u.rootGroup = slices.Contains(pod.SupplementalGroups, 0) || pod.FSGroup != nil && *pod.FSGroup == 0
	}
	if c != nil {
		if c.RunAsUser != nil {
			runAsUser = c.RunAsUser
		}
		if c.RunAsNonRoot != nil {
			nonRoot = c.RunAsNonRoot
		}
		u.groups = u.groups || c.RunAsGroup != nil
		u.privileged = c.Privileged != nil && *c.Privileged
		if c.Capabilities != nil {
			for _, a := range c.Capabilities.Add {
				if slices.Contains(fileOverrides, strings.TrimPrefix(strings.ToUpper(string(a)), "CAP_")) {
					u.overrides = true
				}
			}
		}
	}
	switch {
	case runAsUser != nil:
		u.nonRoot = *runAsUser != 0
	case nonRoot != nil:
		u.nonRoot = *nonRoot // the kubelet refuses to start an image that is root
	}
	return u
}
