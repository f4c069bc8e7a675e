// Package report writes a [nist190.Report] for people and for other tools: [Text], [JSON], [NDJSON], [CSV] and
// [Markdown]. [Schema] describes the two JSON forms; [ReadJSON] and [ReadNDJSON] read them back, as a baseline for
// [nist190.Compare] or to write another format. [TextDelta] and [MarkdownDelta] write what a comparison gave.
//
// Each further format is a sub-package, so that a program links those it writes: sarif, junit, oscal, openreports, ocsf,
// prometheus and html.
//
// Every function is pure: equal reports and options give equal bytes, but for what [JSONOptions].OmitRun leaves out. The
// error is that of the writer, or of an option that makes no sense, in which case nothing was written.
//
// Names, labels and annotations belong to those who are being checked. In every format control characters, terminal
// escapes, bidirectional overrides, invisible characters and invalid UTF-8 in them are written as visible escapes such
// as \x1b, and what has a meaning in the format itself (a formula, a pipe, a tag) is quoted.
package report
