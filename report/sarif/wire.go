package sarif

// The types below are the objects of section 3 of the specification, with the properties that are written.

type run struct {
	Tool              tool          `json:"tool"`
	Invocations       []invocation  `json:"invocations"`
	AutomationDetails *automation   `json:"automationDetails,omitempty"`
	Taxonomies        []taxa        `json:"taxonomies"`
	ColumnKind        string        `json:"columnKind"`
	Properties        runProperties `json:"properties"`
}

type runProperties struct {
	Status       string            `json:"status"`
	Risks        map[string]string `json:"risks"`
	Requirements []requirement     `json:"requirements"`
}

type requirement struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Strength string `json:"strength,omitempty"`
	Unlock   string `json:"unlock,omitempty"`
}

type tool struct {
	Driver driver `json:"driver"`
}

type driver struct {
	Name                string               `json:"name"`
	SemanticVersion     string               `json:"semanticVersion,omitempty"`
	Rules               []rule               `json:"rules"`
	SupportedTaxonomies []componentReference `json:"supportedTaxonomies"`
}

type componentReference struct {
	Name string `json:"name"`
}

type rule struct {
	ID                   string         `json:"id"`
	ShortDescription     message        `json:"shortDescription"`
	FullDescription      *message       `json:"fullDescription,omitempty"`
	Help                 *message       `json:"help,omitempty"`
	DefaultConfiguration configuration  `json:"defaultConfiguration"`
	Relationships        []relationship `json:"relationships,omitempty"`
	Properties           ruleProperties `json:"properties"`
}

type configuration struct {
	Level string `json:"level"`
}

type relationship struct {
	Target target   `json:"target"`
	Kinds  []string `json:"kinds"`
}

type target struct {
	ID            string             `json:"id"`
	ToolComponent componentReference `json:"toolComponent"`
}

type ruleProperties struct {
	Tags             []string `json:"tags"`
	SecuritySeverity string   `json:"security-severity,omitempty"`
}

type taxa struct {
	Name             string  `json:"name"`
	Organization     string  `json:"organization"`
	ShortDescription message `json:"shortDescription"`
	Taxa             []taxon `json:"taxa"`
}

type taxon struct {
	ID               string  `json:"id"`
	Name             string  `json:"name"`
	ShortDescription message `json:"shortDescription"`
}

type invocation struct {
	ExecutionSuccessful bool           `json:"executionSuccessful"`
	EndTimeUTC          string         `json:"endTimeUtc,omitempty"`
	Notifications       []notification `json:"toolExecutionNotifications"`
}

type notification struct {
	Level          string               `json:"level"`
	Message        message              `json:"message"`
	Locations      []location           `json:"locations,omitempty"`
	AssociatedRule *descriptorReference `json:"associatedRule,omitempty"`
}

type descriptorReference struct {
	ID string `json:"id"`
}

type automation struct {
	ID string `json:"id"`
}

type message struct {
	Text string `json:"text"`
}

type result struct {
	RuleID              string            `json:"ruleId"`
	Kind                string            `json:"kind"`
	Level               string            `json:"level"`
	Message             message           `json:"message"`
	Locations           []location        `json:"locations"`
	RelatedLocations    []location        `json:"relatedLocations,omitempty"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
	BaselineState       string            `json:"baselineState,omitempty"`
	Suppressions        []suppression     `json:"suppressions,omitempty"`
	Properties          resultProperties  `json:"properties"`
}

type resultProperties struct {
	Status           string   `json:"status"`
	Provisional      string   `json:"provisional,omitempty"`
	Severity         string   `json:"severity"`
	MaxSeverity      string   `json:"maxSeverity,omitempty"`
	SecuritySeverity string   `json:"security-severity,omitempty"`
	Reason           string   `json:"reason,omitempty"`
	Strength         string   `json:"strength,omitempty"`
	Key              string   `json:"key,omitempty"`
	Sentences        []string `json:"sentences"`
	Path             []string `json:"path,omitempty"`
	Remediation      string   `json:"remediation,omitempty"`
}

type suppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

type location struct {
	ID               int               `json:"id,omitempty"`
	PhysicalLocation physicalLocation  `json:"physicalLocation"`
	LogicalLocations []logicalLocation `json:"logicalLocations,omitempty"`
	Message          *message          `json:"message,omitempty"`
}

type physicalLocation struct {
	ArtifactLocation artifactLocation `json:"artifactLocation"`
	Region           region           `json:"region"`
}

type artifactLocation struct {
	URI string `json:"uri"`
}

type region struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

type logicalLocation struct {
	Name               string `json:"name,omitempty"`
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}
