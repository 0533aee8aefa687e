#!/bin/bash
# Runs the tests of the packages given and says at the end how many passed, failed and were skipped, those by name. With
# CI=true a skipped test is a failure. Five tests are excused, and only on a host that lets nobody make user namespaces.
set -euo pipefail
cd "$(dirname "$0")/.."

report=$(mktemp)
trap 'rm -f "$report"' EXIT
# These run programs in namespaces of their own, which a host can forbid to everybody, as many containers do: nothing can be
# installed against that. bubblewrap tells whether it is so, with what the sandbox asks of it; without bubblewrap nothing is excused.
need_namespaces='(TestNoNetwork|TestStopInASandbox|TestTheSupervisorOfASandboxIsKilled|TestHostileBuildsAreContained|TestTheSandboxHidesTheServer)(/.*)?'
namespaces_forbidden() {
	command -v bwrap >/dev/null &&
		! bwrap --unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-net --cap-drop ALL \
			--ro-bind / / --dev /dev --proc /proc true 2>/dev/null
}

# A program with the race detector waits for a second at its end, for goroutines that are left; the tests look for those.
export GORACE="${GORACE:-atexit_sleep_ms=20}"
# At 100, Go's own figure, collecting garbage takes a tenth of the time. So the largest program of the tests grows to a gigabyte.
export GOGC="${GOGC:-400}"
status=0
# shellcheck disable=SC2086 # GOTESTSUM and RACE are words
${GOTESTSUM:-go run gotest.tools/gotestsum@v1.13.0} --format pkgname --format-hide-empty-pkg --jsonfile "$report" -- \
	${RACE:--race} -shuffle=on -vet=all -p "${PARALLEL:-2}" -timeout 85m "$@" </dev/null || status=$?

count() { grep -c "\"Action\":\"$1\".*\"Test\":" "$report" || true; }
skipped=$(sed -nE 's/.*"Action":"skip","Package":"([^"]*)","Test":"([^"]*)".*/\1 \2/p' "$report" | sort -u)
if [ -n "$skipped" ]; then
	printf 'skipped (the reasons stand above):\n%s\n' "$skipped"
	failures=$skipped
	if [ "${CI:-}" = true ] && grep -qE " $need_namespaces\$" <<<"$skipped" && namespaces_forbidden; then
		echo 'excused, since this host lets nobody make user namespaces:'
		grep -E " $need_namespaces\$" <<<"$skipped"
		failures=$(grep -vE " $need_namespaces\$" <<<"$skipped" || true)
	fi
	if [ "${CI:-}" = true ] && [ -n "$failures" ]; then
		printf 'CI=true: a skipped test is a failure:\n%s\n' "$failures" >&2
		status=1
	fi
fi
printf '%s passed, %s failed, %s skipped\n' "$(count pass)" "$(count fail)" "$(count skip)"
exit "$status"
