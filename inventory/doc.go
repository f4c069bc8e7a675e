// Package inventory holds what was collected from manifests or a cluster, and what could not be.
//
// An [Inventory] is an immutable set of Kubernetes objects with four things that a plain list of objects lacks:
//
//   - [Inventory.Coverage] says for every kind and namespace whether the objects seen are all there are,
//   - [Object.Origin] says where an object or one of its fields was written,
//   - [Inventory.Problems] names every document or object that was skipped, shadowed or could not be decoded,
//   - [Fact] values are derived from it once and shared by everything that asks.
//
// Sources fill it: package manifest below this one reads files. An Inventory is safe for concurrent use, iterates in
// one order whatever order its sources delivered, and shares its objects: nothing reached through it may be modified.
package inventory
