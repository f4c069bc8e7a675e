package manifest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// failing is a file system in which b.yaml cannot be opened.
type failing struct{ fstest.MapFS }

func (f failing) Open(name string) (fs.File, error) {
	if name == "b.yaml" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.MapFS.Open(name)
}

// payload is the n-th text that must not be found; it is spelled backwards here so that the test itself does not keep it.
func payload(n int) (plain, encoded []byte) {
	plain = []byte("2retnuh-esroh-tcerroc")
	for i, j := 0, len(plain)-1; i < j; i, j = i+1, j-1 {
		plain[i], plain[j] = plain[j], plain[i]
	}
	plain = append([]byte{byte('a' + n), byte('k' + n)}, plain...)
	return plain, base64.StdEncoding.AppendEncode(nil, plain)
}

// TestNoPayloadIsKept dumps the heap while an inventory is alive and looks for the payload in it: P stands for it in the
// inputs, E for its base64.
func TestNoPayloadIsKept(t *testing.T) {
	secret := "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{\"data\":{\"p\":\"@E@\"}}'\ndata:\n  p: @E@\nstringData:\n  q: @P@\n"
	inList := func(doc string) string {
		return "- " + strings.ReplaceAll(strings.TrimSuffix(doc, "\n"), "\n", "\n  ") + "\n"
	}
	secretJSON := `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"p":"@P@"}}`
	list := "apiVersion: v1\nkind: List\nitems:\n" + inList(cm("a")) + inList(secret) + inList(cm("b"))
	for name, in := range map[string]string{
		"secret": secret, "beside others": cm("a") + "---\n" + secret + "---\n" + cm("b"), "beside much": secret + "---\n" + cm(strings.Repeat("a", 200)) + "data:\n  x: " + strings.Repeat("x", 4000) + "\n", "with CRLF": strings.ReplaceAll(secret, "\n", "\r\n"),
		"list": list, "list with anchors": list + "x: &x y\nz: *x\n", "json": secretJSON,
		"json list":                 `{"apiVersion":"v1","kind":"List","items":[` + secretJSON + `,{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}]}`,
		"lists in a list":           `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"List","items":[` + secretJSON + `,{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}]}]}`,
		"typed list":                `{"apiVersion":"v1","kind":"SecretList","items":[{"metadata":{"name":"s"},"data":{"p":"@E@"}}]}`,
		"json with a duplicate key": strings.Replace(secretJSON, `"kind"`, `"kind":"Pod","kind"`, 1),
		"json stream":               secretJSON + `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`,
		"spelled otherwise":         strings.Replace(secret, "kind: Secret", "kind: secret", 1),
		"no name":                   strings.Replace(secret, "name: s", "x: s", 1),
		"wrong case":                strings.Replace(secret, "kind: Secret", "Kind: Secret", 1),
		"undecodable":               strings.Replace(secret, "data:\n  p:", "type: 5\ndata:\n  p:", 1),
		"null key":                  secret + "  null: @P@\n",
		"broken":                    "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  p: @P@: x\n",
		"template":                  "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ x }}\n  y: {{ x }} z: {{\nstringData:\n  p: @P@\n",
		"tag":                       "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  p: !!int @P@\n",
		"alias":                     "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  p: *@P@\n",
		"kubeconfig":                "apiVersion: v1\nkind: Config\nusers:\n- name: u\n  user: {token: @P@, password: @E@}\n",
		"encryption":                "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n  - aescbc: {keys: [{name: k, secret: @E@}]}\n",
		"k3s":                       "agent-token: @P@\ntoken: @P@\nsecrets-encryption: true\ndatastore-endpoint: mysql://u:@P@@tcp(h)/k\n",
		"flags of k3s":              "kube-apiserver-arg: [a-token=@P@]\nflannel-backend: none\netcd-s3-sercet-key: @P@\n",
		"file of a machine":         "apiVersion: bootstrap.cluster.x-k8s.io/v1beta2\nkind: KubeadmConfig\nmetadata: {name: a}\nspec:\n  files:\n  - path: /a\n    content: |\n      apiVersion: apiserver.config.k8s.io/v1\n      kind: EncryptionConfiguration\n      resources:\n      - resources: [secrets]\n        providers:\n        - aescbc: {keys: [{name: k, secret: @E@}]}\n",
		"undecided":                 "kubelet-arg: [a=b]\ntoken: @P@\n",
		"plan":                      `{"format_version":"1.2","terraform_version":"1.9.0","variables":{"a":"@P@"},"planned_values":{"root_module":{"resources":[{"type":"aws_eks_cluster","values":{"a":"@P@"},"sensitive_values":{"a":true}}]}}}`,
		"aks":                       `{"id":"/subscriptions/s/resourceGroups/r/providers/Microsoft.ContainerService/managedClusters/a","name":"a","kubernetesVersion":"1.33","windowsProfile":{"adminPassword":"@P@"}}`,
		"flagz":                     "kube-apiserver flagz\nWarning: This endpoint is not meant to be machine parseable\netcd-servers=https://u:@P@@h\n",
		"metrics":                   "# TYPE kubernetes_build_info gauge\nkubernetes_build_info{a=\"b\"} 1\nother{a=\"@P@\"} 1\n",
		"kubeadm":                   "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nbootstrapTokens:\n- token: @P@\ncertificateKey: @P@\n",
	} {
		t.Run(name, func(t *testing.T) {
			// A buffer that is in use may lie in memory that was freed and not cleared, so that a single hit proves nothing; what
			// is kept is kept every time.
			for n := range 5 {
				inv, err := loadWithPayload(in, n)
				dump := dumpHeap(t)
				runtime.KeepAlive(inv)
				runtime.KeepAlive(err)
				if !holdsPayload(dump, n) {
					return
				}
			}
			t.Error("the payload is kept")
		})
	}
}

// TestPayloadIsFound shows that the test above would see a payload.
func TestPayloadIsFound(t *testing.T) {
	plain, _ := payload(9)
	kept := append([]byte("x"), plain...)
	if !bytes.Contains(dumpHeap(t), kept) {
		t.Error("the heap dump does not show what the heap holds")
	}
	runtime.KeepAlive(kept)
}

func holdsPayload(dump []byte, n int) bool {
	plain, encoded := payload(n)
	for _, p := range [][]byte{plain, encoded, plain[:12], encoded[:12]} {
		if bytes.Contains(dump, p) {
			return true
		}
	}
	return false
}

//go:noinline
func loadWithPayload(in string, n int) (*inventory.Inventory, error) {
	plain, encoded := payload(n)
	data := bytes.ReplaceAll(bytes.ReplaceAll([]byte(in), []byte("@P@"), plain), []byte("@E@"), encoded)
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{NoBootstrap: true}, "s.yaml", data))
	for o := range inv.All() {
		_ = o.Unstructured() // no positions: they would drop the text
	}
	_ = inv.Problems() // everything is decoded
	return inv, err
}

func dumpHeap(t *testing.T) []byte {
	t.Helper()
	for range 3 { // pools are emptied by the second collection
		runtime.GC()
	}
	f, err := os.CreateTemp(t.TempDir(), "heap")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	debug.WriteHeapDump(f.Fd())
	dump, err := os.ReadFile(f.Name())
	if err != nil || len(dump) < 1<<10 {
		t.Skipf("no heap dump: %v", err)
	}
	return dump
}
