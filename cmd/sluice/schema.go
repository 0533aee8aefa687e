package main

import "github.com/sluicehq/sluice/config"

// schemaCmd is "sluice schema": the JSON Schema of .github/sluice.yml, for editors.
type schemaCmd struct{}

// Run prints the schema.
func (*schemaCmd) Run(e *env) error {
	schema, err := config.Schema()
	if err != nil {
		return err
	}
	_, err = e.stdout.Write(schema)
	return err
}
