package config

// Schema is the JSON Schema (draft 2020-12) of the repository file, for editors. It accepts what ParseRepo accepts, as
// far as a schema can say.
func Schema() ([]byte, error) { panic("being written") }
