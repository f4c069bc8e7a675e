// Package manifest reads Kubernetes objects from files, file systems, readers and Go values into an inventory.
//
// Every constructor returns an [inventory.Source]. What they have in common:
//
//   - Values are those that kubectl would send: sigs.k8s.io/yaml, one document at a time, the last of two equal keys.
//     Where other appliers would read the text differently a Problem says so; where they see more documents than kubectl,
//     those are read too.
//   - Bad input costs only itself. A broken document, an unreadable file or a template is a Problem with file and line,
//     and lowers the coverage of the kinds it may have described. Unrendered templates are never evidence.
//   - Collect returns an error, made of [*InputError] values, only where an input that the caller named is missing or
//     broken, or where all inputs together hold no object. Everything else is added first: the caller may evaluate it.
//   - Objects are added in the order of cleaned path, document and item; of two descriptions of an object the last counts.
//     The result does not depend on the order of the arguments or on parallelism.
//   - Files without an apiVersion that say how a cluster is configured are objects of the synthetic kind of their format: what
//     the clouds' describe commands print, Terraform plans, configurations of k3s and RKE2, and answers of /configz, /flagz,
//     /metrics and /version. They are told by their content; what looks like one and is none stays out.
//   - Payloads of Secrets and keys are dropped, and so is the text of documents that held one.
//
// The needs that Collect is given limit what is read only where Config.OnlyNeeds says so: a document that nobody asked for
// can have mistakes that somebody wants to see. Cost: about 1.3 times the CPU of sigs.k8s.io/yaml's YAMLToJSON over the same text, on all processors; JSON costs a
// tenth of that. Field positions are parsed when [inventory.Object.Origin] asks for one.
package manifest
