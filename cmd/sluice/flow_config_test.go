package main

import "strings"

// quickConfig is a repository whose pipelines only record deployments, so that a script about rules is over soon.
const quickConfig = `version: 1
pipelines:
  feature:
    stages: [{ name: Deploy, actions: [{ name: development, uses: deploy, with: { environment: development } }] }]
  development:
    stages: [{ name: Deploy, actions: [{ name: development, uses: deploy, with: { environment: development } }] }]
  release:
    stages: [{ name: Deploy, actions: [{ name: staging, uses: deploy, with: { environment: staging } }] }]
  hotfix:
    stages: [{ name: Deploy, actions: [{ name: staging, uses: deploy, with: { environment: staging } }] }]
`

// imagesConfig builds images: with a real build in a clone, and pushed to a real registry.
const imagesConfig = `version: 1
registries:
  development: $DEVELOPMENT/shop
  production: $PRODUCTION/shop
pipelines:
  feature:
    stages: [{ name: Build, actions: [{ name: build, uses: buildspec, outputs: [shop] }] }]
  development:
    stages: [{ name: Build, actions: [{ name: build, uses: buildspec, outputs: [shop] }] }]
  release: $CANDIDATE
  hotfix: $CANDIDATE
`

const imagesCandidate = `
    stages:
      - name: Build
        actions:
          - { name: build, uses: buildspec, outputs: [shop] }
          - { name: image, uses: image, run_order: 2, inputs: [shop], with: { base: scratch, from: shop, entrypoint: [/shop] } }
      - name: Deploy
        actions: [{ name: staging, uses: deploy, with: { environment: staging } }]
`

const imagesComponents = `
components:
  - { name: api, paths: ["api/**"] }
  - { name: web, paths: "web/**" }
`

const imagesBuild = `version: 0.2
phases:
  build:
    commands:
      - printf '%s\n' "$SLUICE_IMAGE_TAG" >shop
artifacts:
  files: [shop]
`

// imageFiles are the files of a repository that builds images.
func (f *flow) imageFiles() map[string]string {
	r := strings.NewReplacer("$DEVELOPMENT", f.dev, "$PRODUCTION", f.prod, " $CANDIDATE", strings.TrimSuffix(imagesCandidate, "\n"))
	return map[string]string{".github/sluice.yml": r.Replace(imagesConfig), "buildspec.yml": imagesBuild}
}
