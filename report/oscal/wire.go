package oscal

// The types below are the assemblies of OSCAL, with the fields that are written. A list that would be empty is left out,
// as OSCAL asks.

type property struct {
	Name  string `json:"name"`
	NS    string `json:"ns,omitempty"`
	Value string `json:"value"`
}

type link struct {
	Href string `json:"href"`
	Rel  string `json:"rel,omitempty"`
}

type metadata struct {
	Title        string `json:"title"`
	LastModified string `json:"last-modified"`
	Version      string `json:"version"`
	OSCALVersion string `json:"oscal-version"`
	Links        []link `json:"links,omitempty"`
}

type imported struct {
	Href    string `json:"href"`
	Remarks string `json:"remarks,omitempty"`
}

type resource struct {
	UUID        string  `json:"uuid"`
	Title       string  `json:"title"`
	Description string  `json:"description,omitempty"`
	RLinks      []rlink `json:"rlinks,omitempty"`
}

type rlink struct {
	Href      string `json:"href"`
	MediaType string `json:"media-type"`
}

type backMatter struct {
	Resources []resource `json:"resources"`
}

type catalog struct {
	UUID     string   `json:"uuid"`
	Metadata metadata `json:"metadata"`
	Groups   []group  `json:"groups"`
}

type group struct {
	ID       string    `json:"id"`
	Class    string    `json:"class"`
	Title    string    `json:"title"`
	Controls []control `json:"controls"`
}

type control struct {
	ID    string     `json:"id"`
	Class string     `json:"class"`
	Title string     `json:"title"`
	Props []property `json:"props"`
	Links []link     `json:"links"`
	Parts []part     `json:"parts"`
}

type part struct {
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	Props []property `json:"props,omitempty"`
	Prose string     `json:"prose,omitempty"`
	Parts []part     `json:"parts,omitempty"`
}

type plan struct {
	UUID       string           `json:"uuid"`
	Metadata   metadata         `json:"metadata"`
	ImportSSP  imported         `json:"import-ssp"`
	Local      *planDefinitions `json:"local-definitions,omitempty"`
	Reviewed   reviewed         `json:"reviewed-controls"`
	Subjects   []subjects       `json:"assessment-subjects"`
	Assets     assets           `json:"assessment-assets"`
	BackMatter backMatter       `json:"back-matter"`
}

type planDefinitions struct {
	Activities []activity `json:"activities"`
}

type activity struct {
	UUID        string     `json:"uuid"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Props       []property `json:"props"`
	Related     *reviewed  `json:"related-controls,omitempty"`
}

type reviewed struct {
	Selections []selection `json:"control-selections"`
}

type selection struct {
	Include []controlRef `json:"include-controls"`
}

type controlRef struct {
	ControlID  string   `json:"control-id"`
	Statements []string `json:"statement-ids,omitempty"`
}

type subjects struct {
	Type string    `json:"type"`
	All  *struct{} `json:"include-all"`
}

type assets struct {
	Components []component `json:"components"`
	Platforms  []platform  `json:"assessment-platforms"`
}

type platform struct {
	UUID  string `json:"uuid"`
	Title string `json:"title"`
	Uses  []uses `json:"uses-components"`
}

type uses struct {
	ComponentUUID string `json:"component-uuid"`
}

type component struct {
	UUID        string `json:"uuid"`
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Status      state  `json:"status"`
}

type state struct {
	State string `json:"state"`
}

type head struct {
	UUID     string   `json:"uuid"`
	Metadata metadata `json:"metadata"`
	ImportAP imported `json:"import-ap"`
}

type result struct {
	UUID        string     `json:"uuid"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Start       string     `json:"start"`
	End         string     `json:"end"`
	Props       []property `json:"props"`
	Reviewed    reviewed   `json:"reviewed-controls"`
	Findings    []finding  `json:"findings,omitempty"`
	Risks       []risk     `json:"risks,omitempty"`
	Remarks     string     `json:"remarks,omitempty"`
}

type definitions struct {
	Components []component `json:"components"`
	Assets     assets      `json:"assessment-assets"`
}

type item struct {
	UUID        string     `json:"uuid"`
	Description string     `json:"description"`
	Props       []property `json:"props,omitempty"`
}

type finding struct {
	UUID         string           `json:"uuid"`
	Title        string           `json:"title"`
	Description  string           `json:"description"`
	Props        []property       `json:"props,omitempty"`
	Target       target           `json:"target"`
	Observations []observationRef `json:"related-observations,omitempty"`
	Risks        []riskRef        `json:"related-risks,omitempty"`
	Remarks      string           `json:"remarks,omitempty"`
}

type target struct {
	Type           string `json:"type"`
	ID             string `json:"target-id"`
	Status         status `json:"status"`
	Implementation *state `json:"implementation-status,omitempty"`
}

type status struct {
	State   string `json:"state"`
	Reason  string `json:"reason"`
	Remarks string `json:"remarks,omitempty"`
}

type observationRef struct {
	UUID string `json:"observation-uuid"`
}

type riskRef struct {
	UUID string `json:"risk-uuid"`
}

type risk struct {
	UUID         string           `json:"uuid"`
	Title        string           `json:"title"`
	Description  string           `json:"description"`
	Statement    string           `json:"statement"`
	Props        []property       `json:"props,omitempty"`
	Status       string           `json:"status"`
	Deadline     string           `json:"deadline,omitempty"`
	Remediations []response       `json:"remediations,omitempty"`
	Observations []observationRef `json:"related-observations,omitempty"`
}

type response struct {
	UUID        string `json:"uuid"`
	Lifecycle   string `json:"lifecycle"`
	Title       string `json:"title"`
	Description string `json:"description"`
}

type observation struct {
	UUID        string       `json:"uuid"`
	Title       string       `json:"title"`
	Description string       `json:"description"`
	Props       []property   `json:"props,omitempty"`
	Methods     []string     `json:"methods"`
	Types       []string     `json:"types"`
	Origins     []origin     `json:"origins,omitempty"`
	Subjects    []subjectRef `json:"subjects"`
	Evidence    []evidence   `json:"relevant-evidence,omitempty"`
	Collected   string       `json:"collected"`
	Expires     string       `json:"expires,omitempty"`
	Remarks     string       `json:"remarks,omitempty"`
}

type origin struct {
	Actors []actor `json:"actors"`
}

type actor struct {
	Type string `json:"type"`
	UUID string `json:"actor-uuid"`
}

type subjectRef struct {
	UUID  string `json:"subject-uuid"`
	Type  string `json:"type"`
	Title string `json:"title"`
}

type evidence struct {
	Description string `json:"description"`
}
