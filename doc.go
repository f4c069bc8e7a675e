// Package nist190 evaluates the orchestrator countermeasures of NIST SP 800-190 section 4.3 over Kubernetes objects.
//
// A [Source] delivers an inventory of objects from manifests or a cluster; a [Check] examines one aspect of one
// countermeasure and reports an [Outcome] per subject; a [Runner] runs checks concurrently and builds a [Report], which
// answers every sentence of section 4.3 with Pass, Fail, NotApplicable, NotAssessed or Error.
//
// Absence of a finding is not compliance. The runner lowers a verdict to NotAssessed wherever the evidence that it rests
// on was incomplete, says what was missing and which one action would change that. A check declares what it reads
// ([Metadata].Needs) and which way unseen objects could change its verdict; the runner, not the author of the check,
// draws the conclusion.
//
// The checks live in one package per risk: rbac (4.3.1), authn (4.3.2), network (4.3.3), placement (4.3.4) and nodetrust
// (4.3.5). Package catalog has them all. nist190 is not affiliated with NIST.
package nist190
