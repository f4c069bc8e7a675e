package placement

import "strings"

// boundary is what stands between a container and the kernel of its host.
type boundary uint8

const (
	sharedKernel boundary = iota
	filtered              // a kernel in user space answers system calls
	ownMachine            // a virtual machine with a kernel of its own
)

// kernelOf reads the boundary off the name of a RuntimeClass's handler, which is a convention of the runtimes'
// documentation and no proof: what a handler does is said in the configuration of the node's container runtime.
func kernelOf(handler string) boundary {
	h := strings.ToLower(handler)
	switch {
	case strings.Contains(h, "kata") || strings.Contains(h, "firecracker") || h == "peerpods":
		return ownMachine
	case h == "runsc" || strings.HasPrefix(h, "runsc-") || h == "gvisor":
		return filtered
	}
	return sharedKernel
}
