package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/rawjson"
	"github.com/nist190/nist190/inventory"
)

const versionURL = "/version"

// version reads the Kubernetes version, by which the semantics go. That of an API server that emulates an older one is the older
// (KEP-4330). Without it the newest is assumed, and said to be.
func (c *collection) version(ctx context.Context) {
	body, err := c.url(ctx, versionURL)
	if err == nil && !json.Valid(body) {
		err = &brokenBody{"no JSON"}
	}
	if err == nil {
		err = c.takeVersion(body)
	}
	if err != nil {
		c.missing(versionURL, format.Version, err)
	}
}

func (c *collection) takeVersion(body []byte) error {
	body = body[rawjson.SkipSpace(body, 0):]
	var git, major, minor string
	w := writer{buf: head(format.Version)}
	for k, v := range rawjson.Members(body) {
		switch k {
		case "apiVersion", "kind", "metadata":
			continue
		case "gitVersion":
			git = rawjson.String(v)
		case "emulationMajor":
			major = rawjson.String(v)
		case "emulationMinor":
			minor = rawjson.String(v)
		}
		w.key(k)
		w.buf = append(w.buf, v...)
	}
	if major != "" && minor != "" {
		git = major + "." + minor
	}
	v, err := inventory.ParseVersion(git)
	if err != nil {
		return err
	}
	c.into.Assume(inventory.KubernetesVersion.Set(v))
	return c.report(append(w.buf, '}'), versionURL, format.Version)
}

// urlReport is a URL whose answer is evidence.
type urlReport struct {
	path, format string
	keep         func([]byte) ([]byte, error) // what of the answer is kept
}

// wantedReports are those that the caller opted into.
func (c *Config) wantedReports() []urlReport {
	var out []urlReport
	if c.Metrics {
		out = append(out, urlReport{"/metrics", format.Metrics, keepMetrics})
	}
	if c.Flagz {
		out = append(out, urlReport{"/flagz", format.Flagz, keepFlagz})
	}
	return out
}

func (c *collection) reports(ctx context.Context) {
	for _, r := range c.cfg.wantedReports() {
		body, err := c.url(ctx, r.path)
		if err == nil {
			body, err = r.keep(body)
		}
		if err == nil {
			w := writer{buf: head(r.format)}
			w.key(format.TextField)
			w.str(string(body))
			err = c.report(append(w.buf, '}'), r.path, r.format)
		}
		if err != nil {
			c.missing(r.path, r.format, err)
		}
	}
}

func head(name string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q`, format.APIVersion, name)
}

// report adds what an API server says of itself. Where there are several, another may say something else.
func (c *collection) report(raw []byte, path, name string) error {
	o, err := inventory.NewObject(inventory.Item{JSON: raw, Origin: inventory.Origin{URI: path}, Strength: inventory.Observed, Configuration: true})
	if err != nil {
		return err
	}
	c.into.Add(o)
	c.cover(inventory.Need{Format: name}.GroupKind(), inventory.Complete, "as the API server that answered tells")
	return nil
}

func (c *collection) missing(path, name string, err error) {
	state, reason := stateOf(err), describe(err)
	switch {
	case isForbidden(err):
		reason = "the server refuses it: the right to get " + path + " is missing"
	case isNotFound(err):
		state, reason = inventory.NotCollected, "the server has no "+path
	case errors.Is(err, errNoURLs):
		state = inventory.NotCollected
	}
	if path != versionURL {
		state = inventory.NotCollected // as if nobody had asked for it: other evidence may tell the same
	}
	c.cover(inventory.Need{Format: name}.GroupKind(), state, reason)
	c.into.Problem(inventory.Problem{Code: inventory.ProblemIncomplete, Origin: inventory.Origin{URI: path}, Message: reason})
}

func (c *collection) url(ctx context.Context, path string) ([]byte, error) {
	var body []byte
	err := c.attempt(ctx, func(ctx context.Context) error {
		var err error
		body, err = c.api.get(ctx, path)
		return err
	})
	return body, err
}

func keepFlagz(body []byte) ([]byte, error) {
	if !format.IsFlagz(body) {
		return nil, &brokenBody{"no flags"}
	}
	return body, nil
}

func keepMetrics(body []byte) ([]byte, error) {
	lines, _ := format.MetricLines(body)
	if len(lines) == 0 {
		return nil, &brokenBody{"no metrics that tell of the configuration"}
	}
	return bytes.Join(lines, nil), nil
}
