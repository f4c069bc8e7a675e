// Package cluster runs the real API server over a real etcd, for tests of what only the server as a whole decides.
package cluster

import (
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/client-go/rest"
	apiservertesting "k8s.io/kubernetes/cmd/kube-apiserver/app/testing"
)

// Start runs an API server until the test ends, and returns how to reach it as an administrator. Flags are added to its
// command line. The plugin ServiceAccount is off, since no controller makes accounts.
func Start(t testing.TB, flags ...string) *rest.Config {
	t.Helper()
	storage := storagebackend.NewDefaultConfig("/registry", nil)
	storage.Transport.ServerList = []string{startEtcd(t)}
	s := apiservertesting.StartTestServerOrDie(t, apiservertesting.NewDefaultTestServerOptions(), append([]string{
		"--authorization-mode=Node,RBAC", "--disable-admission-plugins=ServiceAccount",
	}, flags...), storage)
	t.Cleanup(s.TearDownFn)
	return rest.CopyConfig(s.ClientConfig)
}

// startEtcd runs one member on loopback ports of its own and returns the address of its clients.
func startEtcd(t testing.TB) string {
	t.Helper()
	c := embed.NewConfig()
	c.Dir, c.LogLevel = t.TempDir(), "panic"
	client, peer := freeAddress(t), freeAddress(t)
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.UnsafeNoFsync = true
	e, err := embed.StartEtcd(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	select {
	case <-e.Server.ReadyNotify():
	case err := <-e.Err():
		t.Fatal(err)
	case <-time.After(30 * time.Second):
		t.Fatal("etcd is not ready after 30 s")
	}
	return client.String()
}

func freeAddress(t testing.TB) url.URL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return url.URL{Scheme: "http", Host: fmt.Sprint(l.Addr())}
}
