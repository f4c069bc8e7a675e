package process

import (
	"path"
	"strconv"
	"strings"
)

// Arg is one element of a command line, and where it was written.
type Arg struct {
	Text string
	Place
	// Doubt is given to every flag that is read from it.
	Doubt string
}

// Args places the elements of a list of strings.
func Args(texts []string, at Place) []Arg {
	out := make([]Arg, len(texts))
	for i, t := range texts {
		out[i] = Arg{Text: t, Place: at.Field(i)}
	}
	return out
}

// names of the binaries, and the words by which hyperkube calls them.
var binaries = map[string]Component{
	"kube-apiserver": KubeAPIServer, "apiserver": KubeAPIServer,
	"kube-controller-manager": KubeControllerManager, "controller-manager": KubeControllerManager,
	"kube-scheduler": KubeScheduler, "scheduler": KubeScheduler,
	"etcd": Etcd, "kubelet": Kubelet, "kube-proxy": KubeProxy,
}

// ComponentOf is the component that a binary is, by its base name.
func ComponentOf(binary string) (Component, bool) {
	c := Component(path.Base(binary))
	for _, known := range Components() {
		if c == known {
			return c, true
		}
	}
	return "", false
}

// Command reads a command line: the binary is searched behind wrappers (hyperkube, go-runner, sh -c "exec ..."), what
// follows are its flags, as [Flags] reads them. It is false where no component is started.
func Command(argv []Arg) (c Component, flags []Flag, open string, ok bool) {
	argv = unwrap(argv)
	for i, a := range argv {
		c, ok := ComponentOf(a.Text)
		if !ok && i > 0 && path.Base(argv[i-1].Text) == "hyperkube" {
			c, ok = binaries[a.Text]
		}
		if ok && !isFlag(a.Text) {
			flags, open = Flags(c, argv[i+1:])
			return c, flags, open, true
		}
	}
	return "", nil, "", false
}

func isFlag(s string) bool { return len(s) > 1 && s[0] == '-' }

// Flags reads the flags of a component. The components of Kubernetes use pflag: "--name=value", "--name value", and a
// boolean flag takes no second word. etcd uses package flag, which also takes one dash.
//
// A word that is computed may stand for flags that nobody sees here, and what they say wins over what stands before them:
// open then says why there may be more.
func Flags(c Component, argv []Arg) (out []Flag, open string) {
	for i := 0; i < len(argv); i++ {
		a := argv[i]
		if a.Text == "--" {
			break
		}
		name, ok := strings.CutPrefix(a.Text, "--")
		if !ok && c == Etcd {
			name, ok = strings.CutPrefix(a.Text, "-")
		}
		if a.Doubt != "" && (!ok || computed(name)) {
			open = "the word " + strconv.Quote(a.Text) + " may stand for more flags: " + a.Doubt
			for i := range out {
				if out[i].Doubt == "" {
					out[i].Doubt = open
				}
			}
			continue
		}
		if !ok || name == "" {
			switch {
			case strings.HasPrefix(a.Text, "-v") && len(a.Text) == 2: // the only shorthand: klog's verbosity
				i++
			case !isFlag(a.Text) && a.Text != "" && len(out) > 0:
				// The components refuse arguments; a boolean flag with a second word ends up here.
				if last := &out[len(out)-1]; last.Doubt == "" {
					last.Doubt = "it is followed by a word that is no flag: " + string(c) + " refuses to start"
				}
			}
			continue
		}
		name, value, hasValue := strings.Cut(name, "=")
		if name == "" {
			if len(out) > 0 && out[len(out)-1].Doubt == "" {
				out[len(out)-1].Doubt = "it is followed by a flag without a name: " + string(c) + " refuses to start"
			}
			continue
		}
		f := Flag{Name: normalize(name), Value: value, Place: a.Place, Doubt: a.Doubt}
		switch {
		case hasValue:
		case IsBool(c, f.Name):
			f.Value = "true"
		case i+1 < len(argv) && !startsFlag(argv[i+1].Text):
			i++
			f.Value = argv[i].Text
			if f.Doubt == "" {
				f.Doubt = argv[i].Doubt
			}
		case i+1 < len(argv) && !known(c, f.Name):
			f.Value = "true"
		default:
			f.Doubt = "it has no value: " + string(c) + " refuses to start"
		}
		out = append(out, f)
	}
	return out, open
}

// computed: the name of a flag, before its value, is not all written down.
func computed(name string) bool {
	name, _, _ = strings.Cut(name, "=")
	return strings.ContainsAny(name, "$`")
}

// startsFlag: pflag would take such a word as the value. Nobody writes that on purpose, and flags that are boolean in
// one version only are told from others by it.
func startsFlag(s string) bool { return strings.HasPrefix(s, "--") }

// known: a flag that needs a value for certain. There is no list of these; a name that ends like a file, an address or
// a list is one.
func known(_ Component, name string) bool {
	for _, suffix := range [...]string{"-file", "-dir", "-config", "-address", "-mode", "-plugins", "-gates", "-urls", "-servers", "kubeconfig"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// normalize writes a flag as its definition does (component-base, cli/flag, WordSepNormalizeFunc).
func normalize(name string) string { return strings.ReplaceAll(name, "_", "-") }

// IsBool reports whether a flag is boolean, so that the word behind it is not its value.
func IsBool(c Component, name string) bool {
	return boolFlags[c][name] || c != Etcd && sharedBoolFlags[name]
}
