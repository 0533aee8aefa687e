package tagging

import "strings"

// Explanation says how a result came about: sentences in the order of the reasoning, each with the facts it used. It is
// data, so that it can be stored, compared and shown in more than one place.
type Explanation []Reason

// Reason is one sentence of an Explanation.
type Reason struct {
	// Text is one English sentence. It is Sluice's own and holds nothing that a stranger wrote.
	Text string `json:"text"`
	// Warning is true where a person should look: the result may not be what they expect.
	Warning bool `json:"warning,omitempty"`
	// Facts are what the sentence rests on. Their values may be strangers' text, such as subjects and branch names.
	Facts []Fact `json:"facts,omitempty"`
}

// Fact is a named value.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// because appends a sentence. Facts are given as name, value, name, value; those without a value are left out.
func (e *Explanation) because(text string, facts ...string) {
	*e = append(*e, Reason{Text: text, Facts: pairs(facts)})
}

// warn appends a sentence that a person should look at.
func (e *Explanation) warn(text string, facts ...string) {
	*e = append(*e, Reason{Text: text, Warning: true, Facts: pairs(facts)})
}

func pairs(facts []string) []Fact {
	var fs []Fact
	for i := 0; i+1 < len(facts); i += 2 {
		if facts[i+1] != "" {
			fs = append(fs, Fact{Name: facts[i], Value: facts[i+1]})
		}
	}
	return fs
}

// Warnings are the reasons that a person should look at.
func (e Explanation) Warnings() Explanation {
	var ws Explanation
	for _, r := range e {
		if r.Warning {
			ws = append(ws, r)
		}
	}
	return ws
}

// Text is the explanation for a terminal: a line for each sentence, its facts indented below. Control characters in
// facts are shown and not sent.
func (e Explanation) Text() string {
	var b strings.Builder
	for _, r := range e {
		b.WriteString("- ")
		if r.Warning {
			b.WriteString("warning: ")
		}
		b.WriteString(r.Text)
		b.WriteByte('\n')
		for _, f := range r.Facts {
			b.WriteString("    " + f.Name + ": " + visible(f.Value) + "\n")
		}
	}
	return b.String()
}

// Markdown is the explanation as a list for a comment or check on GitHub. Facts stand in code spans, where they neither
// mention anybody nor link or close anything.
func (e Explanation) Markdown() string {
	var b strings.Builder
	for _, r := range e {
		b.WriteString("- ")
		if r.Warning {
			b.WriteString("**Warning:** ")
		}
		b.WriteString(EscapeMarkdown(r.Text))
		b.WriteByte('\n')
		for _, f := range r.Facts {
			b.WriteString("  - " + EscapeMarkdown(f.Name) + ": " + codeSpan(f.Value) + "\n")
		}
	}
	return b.String()
}
