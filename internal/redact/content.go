package redact

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"

	"github.com/nist190/nist190/internal/rawjson"
	"github.com/nist190/nist190/internal/yamlx"
)

// maxContent bounds what a file of a node is unpacked to.
const maxContent = 4 << 20

// fileContent redacts the content of a file that an installer writes to a node. Where it is made of documents whose payloads
// are known, the rest of them is kept, as JSON; where it may hold anything else that lets somebody in, nothing is.
func fileContent(content, encoding string) (any, bool) {
	if encoding != "" {
		data, ok := unpack(content, encoding)
		if ok && !holdsPayload(string(data)) {
			return content, false
		}
		return describe(content), true
	}
	if !holdsPayload(content) {
		return content, false
	}
	if clean, ok := documents(content); ok {
		return clean, clean != content
	}
	return describe(content), true
}

// unpack: bootstrap/kubeadm/api of Cluster API, Encoding: base64, gzip, gzip+base64.
func unpack(content, encoding string) ([]byte, bool) {
	data := []byte(content)
	if strings.HasSuffix(encoding, "base64") {
		var err error
		if data, err = base64.StdEncoding.DecodeString(strings.TrimSpace(content)); err != nil {
			return nil, false
		}
	}
	if !strings.HasPrefix(encoding, "gzip") {
		return data, true
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, false
	}
	data, err = io.ReadAll(io.LimitReader(r, maxContent+1))
	return data, err == nil && len(data) <= maxContent
}

// documents redacts a text whose documents are all of kinds with a rule.
func documents(content string) (string, bool) {
	text, err := yamlx.Text([]byte(content))
	if err != nil || len(text) > maxContent {
		return "", false
	}
	var out []string
	for d := range yamlx.Split(text) {
		v, err := d.Decode(yamlx.Limits{})
		if err != nil {
			return "", false
		}
		var apiVersion, kind string
		for k, member := range rawjson.Members(v.JSON) {
			switch k {
			case "apiVersion":
				apiVersion = rawjson.String(member)
			case "kind":
				kind = rawjson.String(member)
			}
		}
		if !isSecret(kind) && (isList(kind) || ruleOf(apiVersion, kind) == nil) {
			return "", false
		}
		clean, _, err := JSON(apiVersion, kind, v.JSON)
		if err != nil {
			return "", false
		}
		var compact bytes.Buffer
		if json.Compact(&compact, clean) != nil {
			return "", false
		}
		out = append(out, compact.String())
	}
	return strings.Join(out, "\n---\n"), len(out) > 0
}
