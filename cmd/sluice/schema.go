package main

import "github.com/sluicehq/sluice/config"

// schemaCmd is "sluice schema": the JSON Schema of a file that people write, for editors.
type schemaCmd struct {
	Tests        bool `xor:"file" help:"Of the tests of the configuration, .github/sluice.tests.yml."`
	Organization bool `xor:"file" help:"Of the organization's defaults, .github/sluice.yml of its repository .github."`
	Models       bool `xor:"file" help:"Of a file of pipeline models in the organization's repository .github."`
}

// Run prints the schema.
func (c *schemaCmd) Run(e *env) error {
	write := config.Schema
	switch {
	case c.Tests:
		write = config.TestsSchema
	case c.Organization:
		write = config.OrganizationSchema
	case c.Models:
		write = config.ModelSchema
	}
	schema, err := write()
	if err != nil {
		return err
	}
	_, err = e.stdout.Write(schema)
	return err
}
