// Package appspec deploys a revision to hosts as AWS CodeDeploy does, by the appspec.yml at the revision's root.
package appspec
