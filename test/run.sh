#!/bin/bash
# Runs the tests of the packages given and says at the end how many passed, failed and were skipped, those by name. With
# CI=true a skipped test is a failure, unless it is the kernel that forbids what is tested.
set -euo pipefail
cd "$(dirname "$0")/.."

report=$(mktemp)
trap 'rm -f "$report"' EXIT
# Skipped where the host lets nobody make namespaces: nothing can be installed against that.
forbidden='(TestNoNetwork|TestStopInASandbox|TestTheSupervisorOfASandboxIsKilled|TestHostileBuildsAreContained|TestTheSandboxHidesTheServer)(/.*)?'

status=0
# shellcheck disable=SC2086 # GOTESTSUM and RACE are words
${GOTESTSUM:-go run gotest.tools/gotestsum@v1.13.0} --format pkgname --format-hide-empty-pkg --jsonfile "$report" -- \
	${RACE:--race} -shuffle=on -vet=all -p "${PARALLEL:-2}" -timeout 60m "$@" </dev/null || status=$?

count() { grep -c "\"Action\":\"$1\".*\"Test\":" "$report" || true; }
skipped=$(sed -nE 's/.*"Action":"skip","Package":"([^"]*)","Test":"([^"]*)".*/\1 \2/p' "$report" | sort -u)
if [ -n "$skipped" ]; then
	printf 'skipped (the reasons stand above):\n%s\n' "$skipped"
	if [ "${CI:-}" = true ] && grep -vE " ($forbidden)\$" <<<"$skipped" >/dev/null; then
		echo 'CI=true: a skipped test is a failure' >&2
		status=1
	fi
fi
printf '%s passed, %s failed, %s skipped\n' "$(count pass)" "$(count fail)" "$(count skip)"
exit "$status"
