// Package catalog has every check of the five risk packages and the configuration file that they share.
//
// [All] is the catalog as it is. [LoadFile] reads one versioned YAML file (its JSON Schema is [Schema]) that turns checks
// on and off, gives them their parameters, names the cluster, its version and its sensitivity levels, accepts findings
// for a reason and sets the threshold of a gate. [Config.Runner] and [Config.Threshold] are what such a file amounts to.
//
// A mistake in the file is an [Error] with file and line, and all of them are reported at once: a value that cannot be
// understood never becomes a default.
package catalog
