package buildspec

import (
	"io/fs"
	"os"
)

// credentials is the file that gitCredentials wrote for this build; nil when it wrote none.
func (f *openFolders) credentials() fs.FileInfo {
	info, err := f.home.Root().Lstat(gitCredentialsFile)
	if err != nil {
		return nil
	}
	return info
}

// forget removes that file: nobody needs it once the commands have run. Where it cannot be removed it goes with the folders.
func (f *openFolders) forget() { _ = f.home.Root().Remove(gitCredentialsFile) }

// isCredentials tells whether a file of a cache's folder is one that gitCredentials wrote, whatever the build calls it now.
// Another build must not find it.
func (b *build) isCredentials(in, p string, info fs.FileInfo) bool {
	if in == inHome && (p == gitCredentialsFile || p == gitConfigFile && b.plan.Spec.GitCredentials) {
		return true
	}
	return b.credentials != nil && os.SameFile(b.credentials, info) && b.credentials.ModTime().Equal(info.ModTime())
}
