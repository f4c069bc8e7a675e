package sarif

import (
	"net/url"
	"path"
	"strings"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/report/internal/plain"
)

// synthetic is above everything that is not in a file.
const synthetic = "kubernetes"

// physicalOf is where a reader should look. Code scanning wants a file and a line of every result.
func physicalOf(at inventory.Origin, subject inventory.Ref, root string) physicalLocation {
	if at.Line == 0 {
		return physicalLocation{ArtifactLocation: artifactLocation{URI: artifact(at.URI, subject)}, Region: region{StartLine: 1}}
	}
	return physicalLocation{ArtifactLocation: artifactLocation{URI: fileURI(at.URI, root)}, Region: region{StartLine: at.Line, StartColumn: at.Column}}
}

// artifact names what has no file: by its API path, else by its kind and name.
func artifact(apiPath string, subject inventory.Ref) string {
	parts := []string{synthetic}
	if apiPath != "" {
		parts = append(parts, strings.Split(strings.Trim(apiPath, "/"), "/")...)
	} else {
		for _, p := range []string{subject.Namespace, subject.Kind, subject.Name} {
			if p != "" {
				parts = append(parts, p)
			}
		}
	}
	return escaped(parts)
}

// fileURI is relative to root where the file is below it. Paths of Windows have their separators turned.
func fileURI(file, root string) string {
	file, root = slashes(file), slashes(root)
	if root != "" {
		if rest, ok := strings.CutPrefix(file, strings.TrimSuffix(root, "/")+"/"); ok {
			file = rest
		}
	}
	absolute := strings.HasPrefix(file, "/")
	drive := len(file) > 2 && file[1] == ':' && file[2] == '/'
	out := escaped(strings.Split(strings.TrimPrefix(file, "/"), "/"))
	switch {
	case absolute || drive:
		return "file:///" + out
	case out == "":
		return synthetic
	}
	return out
}

func slashes(s string) string {
	if s == "" {
		return ""
	}
	return path.Clean(strings.ReplaceAll(s, `\`, "/"))
}

// escaped joins the segments of a URI reference. A colon would make a scheme of the first.
func escaped(parts []string) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = strings.ReplaceAll(url.PathEscape(plain.Line(p)), ":", "%3A")
	}
	return strings.Join(out, "/")
}

// text keeps a viewer from reading a link or a placeholder into a message: sections 3.11.5 and 3.11.6.
func text(s string) string { return messageEscaper.Replace(s) }

var messageEscaper = strings.NewReplacer("{", "{{", "}", "}}", "](", `\](`)

// hash is the part of a fingerprint behind its version.
func hash(fingerprint string) string {
	_, h, ok := strings.Cut(plain.Line(fingerprint), ":")
	if !ok {
		return plain.Line(fingerprint)
	}
	return h
}
