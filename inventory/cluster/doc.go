// Package cluster reads Kubernetes objects from a live API server into an inventory. It is the one package of this module that
// links client-go; a host that reads manifests alone never does.
//
// A [Source] asks the server what it serves, lists the kinds that the needs ask for, and nothing else. What holds of it:
//
//   - It reads. Objects are listed, /version is got, and where the caller opted into them /metrics and /flagz. There is no write,
//     no watch, no impersonation, no dry-run and no way through nodes/proxy. [Source.Preflight] posts reviews of the caller's own
//     access, which are stored nowhere.
//   - Whatever a server does is coverage of the kinds concerned and a Problem that names the list: refusals, lists that expire,
//     overload, errors, connections that break, answers that do not end or are none, discovery that is partial. What was
//     read before counts. A kind is Complete only if the server said that its list is at its end, and NotServed only if discovery
//     of its group was whole.
//   - A kind that may not be listed in the whole cluster is listed in the namespaces where it may be; verdicts then hold there.
//   - Lists are of different moments. What refers to something that is not there is read again, with what it refers to, before
//     it counts.
//   - Secrets are not asked for. With Config.SecretMetadata their metadata is, and their type by way of a field selector; data
//     never leaves the server, but for what kubectl apply copied into an annotation, which is dropped on arrival.
//   - A built-in kind is read at v1, others at the version that the server prefers. managedFields and the annotation of kubectl
//     apply are dropped.
//   - Neither the caller's rest.Config nor anything of the process is changed: nothing is logged and no goroutine stays, unless a
//     discovery client that was given does not return.
//
// Lists are read as JSON. Objects are kept as their text and decoded when a check asks for their type, so that a page is cut into
// its items and not decoded at all; with protobuf each item would be decoded, written as JSON and decoded again. The benchmark
// BenchmarkPage has the figures.
//
// Cost: one request for 500 objects of a kind, two for discovery, one for the version. Memory: the text of the objects.
package cluster
