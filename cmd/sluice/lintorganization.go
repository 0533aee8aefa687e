package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sluicehq/sluice/config"
)

// organizationIn reads the organization's defaults, and the pipeline models that they and a repository's file extend, in a
// clone of its repository .github. Nothing outside of that folder is read.
func organizationIn(dir string, repository []byte) (*config.Organization, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("--organization: %w", err)
	}
	defer root.Close()
	org := &config.Organization{Name: dir, Prefix: filepath.Clean(dir) + string(filepath.Separator), Models: map[string][]byte{}}
	if org.File, err = readIn(root, config.FileName); err != nil {
		return nil, err
	}
	for _, path := range append(config.ModelFiles(org.File), config.ModelFiles(repository)...) {
		data, err := readIn(root, path)
		if err != nil {
			return nil, err
		}
		if data != nil {
			org.Models[path] = data
		}
	}
	return org, nil
}

// readIn reads a file of a folder; nil where there is none.
func readIn(root *os.Root, path string) ([]byte, error) {
	f, err := root.Open(filepath.FromSlash(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("--organization: %w", err)
	}
	defer f.Close()
	return readRest(f, 1<<20)
}
