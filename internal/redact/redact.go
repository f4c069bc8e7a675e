// Package redact removes secret payloads from API objects and configuration documents before they are kept. Nothing in
// it logs, and its errors do not quote what they were given.
//
// Secrets lose data, stringData and the annotations that repeat them. Keys, tokens and passwords of configuration
// documents become {"class": ..., "length": n}, see [Class]: what a check may want to know of them, and nothing else.
package redact

import (
	"encoding/json"
	"errors"
	"strings"

	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/format"
)

// ErrSyntax: the object is not valid JSON.
var ErrSyntax = errors.New("not valid JSON")

// Sensitive reports whether objects of the kind can hold payloads that JSON removes. It is cheap, and errs on the safe
// side: a Secret that the API server would refuse for its version or its spelling holds a payload all the same.
func Sensitive(apiVersion, kind string) bool {
	return isSecret(kind) || isList(kind) || ruleOf(apiVersion, kind) != nil
}

// JSON returns raw without payloads. clean is raw itself when there was nothing to remove, else it shares no memory with
// raw. Lists are redacted item by item, items without a kind as those of the list's own.
func JSON(apiVersion, kind string, raw []byte) (clean []byte, changed bool, err error) {
	if !Sensitive(apiVersion, kind) {
		return raw, false, nil
	}
	var v any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &v); err != nil {
		return nil, false, ErrSyntax
	}
	if !object(apiVersion, kind, v) {
		return raw, false, nil
	}
	clean, err = json.Marshal(v)
	if err != nil {
		return nil, false, ErrSyntax
	}
	return clean, true, nil
}

func isFormat(apiVersion string) bool { return strings.HasPrefix(apiVersion, format.Group+"/") }

func isSecret(kind string) bool { return strings.EqualFold(kind, "Secret") }

func isList(kind string) bool {
	return strings.EqualFold(kind, "List") || strings.EqualFold(kind, "SecretList")
}

// object redacts v in place and reports whether it changed anything.
func object(apiVersion, kind string, v any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	if isSecret(kind) {
		return secret(m)
	}
	if isFormat(apiVersion) {
		return formatObject(kind, m)
	}
	if r := ruleOf(apiVersion, kind); r != nil {
		return r.apply(m)
	}
	items, _ := m["items"].([]any)
	changed := false
	for _, item := range items {
		im, ok := item.(map[string]any)
		if !ok {
			continue
		}
		itemVersion, itemKind := text(im["apiVersion"]), text(im["kind"])
		if itemKind == "" {
			itemVersion, itemKind = apiVersion, kind[:len(kind)-len("List")]
		}
		changed = object(itemVersion, itemKind, im) || changed
	}
	return changed
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// Annotation reports whether an annotation of a Secret repeats the whole object, payload included, and is dropped.
func Annotation(key string) bool { return appliedAnnotations[key] }

// appliedAnnotations are those of kubectl, kapp, wrangler and Banzai Cloud's operators.
var appliedAnnotations = map[string]bool{
	"kubectl.kubernetes.io/last-applied-configuration": true,
	"kapp.k14s.io/original":                            true,
	"objectset.rio.cattle.io/applied":                  true,
	"banzaicloud.com/last-applied":                     true,
}

func secret(m map[string]any) (changed bool) {
	for k := range m {
		// Keys in another case are unknown fields to the API server, and payload all the same.
		if strings.EqualFold(k, "data") || strings.EqualFold(k, "stringData") {
			delete(m, k)
			changed = true
		}
	}
	metadata, _ := m["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	for k := range annotations {
		if Annotation(k) {
			delete(annotations, k)
			changed = true
		}
	}
	return changed
}
