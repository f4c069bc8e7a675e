package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// allowedElements are those of the template: any other would come from a name.
var allowedElements = strings.Fields(`html head meta title style body a header h1 h2 h3 h4 h5 p span nav ul ol li main section table thead tbody tr th td
	abbr form label input select option button div details summary dl dt dd code pre strong b footer script svg path g rect text`)

// validHTML parses the page as a browser does and holds it against what makes it safe: elements and attributes that it may
// have, a policy whose hashes are those of its style and script, and no address but places in itself.
func validHTML(t *testing.T, out []byte) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	var policy string
	hashes := map[string]string{}
	ids, refs := map[string]int{}, map[string]bool{}
	for n := range doc.Descendants() {
		if n.Type == html.CommentNode {
			t.Errorf("comment %q", n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		if !slices.Contains(allowedElements, n.Data) {
			t.Fatalf("element %s", n.Data)
		}
		attributes := map[string]string{}
		for _, a := range n.Attr {
			attributes[a.Key] = a.Val
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || a.Key == "action" || strings.Contains(a.Key, "<") {
				t.Errorf("%s has %s", n.Data, a.Key)
			}
			switch a.Key {
			case "id":
				ids[a.Val]++
			case "aria-labelledby":
				refs[a.Val] = true
			case "href":
				if to, ok := strings.CutPrefix(a.Val, "#"); ok {
					refs[to] = true
				} else {
					t.Errorf("a link to %s", a.Val)
				}
			}
		}
		if attributes["http-equiv"] == "Content-Security-Policy" {
			policy = attributes["content"]
		}
		if n.Data == "style" || n.Data == "script" {
			if hashes[n.Data] != "" || n.FirstChild == nil {
				t.Fatalf("another %s, or an empty one", n.Data)
			}
			sum := sha256.Sum256([]byte(n.FirstChild.Data))
			hashes[n.Data] = "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		}
	}
	want := "default-src 'none'; style-src " + hashes["style"] + "; script-src " + hashes["script"] + "; base-uri 'none'; form-action 'none'"
	if policy != want {
		t.Errorf("policy %s, want %s", policy, want)
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%d elements are called %s", n, id)
		}
	}
	for id := range refs {
		if ids[id] == 0 && !strings.HasPrefix(id, "q-") { // a report of nothing has no requirements
			t.Errorf("nothing is called %s", id)
		}
	}
}
