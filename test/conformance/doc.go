// Package conformance holds the formats that this project writes and reads against their published schemas. It is a
// module of its own, so that the validator never reaches users of the library.
package conformance
