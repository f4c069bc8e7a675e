package manifest

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nist190/nist190/internal/rawjson"
	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
)

// changing are the fields of a kustomization by which kustomize applies something else than its files say.
var changing = []string{"buildMetadata", "commonAnnotations", "commonLabels", "components", "configMapGenerator", "generators",
	"helmCharts", "images", "labels", "namePrefix", "nameSuffix", "namespace", "patches", "patchesJson6902", "patchesStrategicMerge",
	"replacements", "replicas", "secretGenerator", "transformers", "vars"}

type kustomization struct {
	Patches   []struct{ Path string } `json:"patches"`
	JSON6902  []struct{ Path string } `json:"patchesJson6902"`
	Strategic []string                `json:"patchesStrategicMerge"`
	changes   []string                // its fields that are in changing
}

func isKustomization(base string) bool {
	return base == "kustomization.yaml" || base == "kustomization.yml" || base == "Kustomization"
}

// kustomize looks into a kustomization that a walk came by. Its files are read as they stand; patches, which look like
// objects and are none, are set apart, and whoever reads the report is told that rendering would give another result.
func (w *walk) kustomize(name string) {
	f, err := w.fsys.Open(name)
	if err != nil {
		return // reported when it is read
	}
	defer f.Close()
	data, err := readAllOf(f, 1<<20)
	if err != nil {
		return
	}
	k := parseKustomization(data)
	dir := path.Dir(name)
	for _, p := range k.Patches {
		w.patch(dir, p.Path, name)
	}
	for _, p := range k.JSON6902 {
		w.patch(dir, p.Path, name)
	}
	for _, p := range k.Strategic {
		w.patch(dir, p, name)
	}
	if len(k.changes) > 0 {
		w.problems = append(w.problems, result{problems: []inventory.Problem{{
			Code: inventory.ProblemTemplate, Origin: inventory.Origin{URI: w.uri(name), Line: 1, Column: 1},
			Message: fmt.Sprintf("kustomize changes what the files here say (%s) and was not run: they were read as they stand; render first: kustomize build",
				strings.Join(k.changes, ", ")),
		}}})
	}
}

func (w *walk) patch(dir, p, by string) {
	if p == "" || strings.Contains(p, "\n") { // an inline patch
		return
	}
	w.patches[w.uri(path.Join(dir, p))] = w.uri(by)
}

func parseKustomization(data []byte) (k kustomization) {
	text, err := yamlx.Text(data)
	if err != nil {
		return k
	}
	for d := range yamlx.Split(text) {
		v, err := d.Decode(yamlx.Limits{})
		if err != nil {
			continue
		}
		_ = json.Unmarshal(v.JSON, &k) // what has another type is kustomize's to complain about
		for key := range rawjson.Members(v.JSON) {
			if slices.Contains(changing, key) && !slices.Contains(k.changes, key) {
				k.changes = append(k.changes, key)
			}
		}
	}
	slices.Sort(k.changes)
	return k
}

// patchFile notes a kustomize patch: an object that it names is not as its own file says.
func (in *input) patchFile(r *result, text []byte) {
	kinds, looks := scanKinds(text)
	d := document{in: in}
	d.problems = []inventory.Problem{{Code: inventory.ProblemTemplate, Level: inventory.ProblemNotice,
		Origin:  inventory.Origin{URI: in.uri, Line: 1, Column: 1},
		Message: fmt.Sprintf("a patch of %s and no object: what it changes was read without it", in.patchOf)}}
	d.lose(kinds, looks && len(kinds.found) > 0)
	r.merge(&d.result)
}
