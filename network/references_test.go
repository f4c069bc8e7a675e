package network

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

func TestReferences(t *testing.T) {
	world := []string{
		deployment("Deployment", "a", "db", "app: db", ""), deployment("Deployment", "b", "db", "app: db", ""),
		service("a", "db", "selector: {app: db}, ports: [{name: sql, port: 80, targetPort: 5432}, {name: http, port: 81}]"),
		service("b", "db", "selector: {app: db}, ports: [{port: 80}]"),
		service("a", "ext", "ports: [{port: 80}]"),
		`{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: a}, data: {HOST: "db:80", NAME: db, TEXT: "connect to db:80"}}`,
	}
	const all, one = "a/db TCP 81,5432", "a/db TCP 5432"
	for container, want := range map[string][]string{
		`env: [{name: HOST, value: db}]`:                                               {all},
		`env: [{name: HOST, value: "db:80"}]`:                                          {one},
		`env: [{name: HOST, value: "http://u:p@db.a.svc.cluster.local:80/x?y=z"}]`:     {one},
		`env: [{name: HOST, value: "db.b"}]`:                                           {"b/db TCP 80"},
		`env: [{name: HOST, value: "db:9999"}]`:                                        nil,
		`env: [{name: HOST, value: "db.example.com:80"}]`:                              nil,
		`env: [{name: HOST, value: "ext:80"}]`:                                         nil,
		`env: [{name: HOST, value: "see db:80"}]`:                                      nil,
		`env: [{name: OTEL_SERVICE_NAME, value: db}]`:                                  nil,
		`env: [{name: DB_USER, value: db}, {name: POSTGRES_DB, value: db}]`:            nil,
		`env: [{name: OTEL_SERVICE_NAME, value: "db:80"}]`:                             {one},
		`env: [{name: A, value: "db:80"}, {name: B, value: "db:80"}]`:                  {one},
		`env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: HOST}}}]`:  {one},
		`env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: NAME}}}]`:  {all},
		`env: [{name: A, valueFrom: {secretKeyRef: {name: settings, key: HOST}}}]`:     nil,
		`envFrom: [{configMapRef: {name: settings}}, {configMapRef: {name: nowhere}}]`: {one},
		`args: ["--db=db:80", "--listen=:8080", "db", "--db", "-v"]`:                   {one},
		`args: [serve, "http://db"], command: [db]`:                                    {all},
	} {
		inv := testobj.Inventory(t, append(slices.Clone(world), `{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: a}, spec: {containers: [{name: c, image: i, `+container+`}]}}`))
		z, err := ZonesOf(context.Background(), inv)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range z.References(inv) {
			got = append(got, fmt.Sprintf("%s/%s %s", r.To.Pod.Namespace, r.To.Pod.Workload.Ref().Name, r.Ports))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", container, got)
		}
	}
}
