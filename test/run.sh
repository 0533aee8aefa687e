#!/bin/bash
# Runs the tests of the packages given and says at the end how many passed, failed and were skipped, those by name. With
# CI=true a skipped test is a failure. Ten tests are excused: five only on a host that lets nobody make user namespaces, five only
# on one that lets root set no rules of routing.
set -euo pipefail
cd "$(dirname "$0")/.."

# All servers of the tests are on loopback, where no proxy is, and git is not to work for the hook that may have called this.
export no_proxy="127.0.0.1,localhost${no_proxy:+,$no_proxy}"
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX

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
# These set rules of routing, most in a network of their own, which a host can forbid even to root. iproute2 tells whether it is so;
# without iproute2, or without root, nothing is excused.
need_routing='(TestBuildsAreKeptFromTheHostsCredentials|TestRulesOfRoutingStayForBuildsThatGoOn|TestRulesOfRoutingThatStayAreNoFailure|TestWithoutTheRightToSetRulesItIsSaid|TestDoctorListsRulesOfRouting)(/.*)?'
routing_forbidden() {
	[ "$EUID" = 0 ] && command -v ip >/dev/null &&
		! unshare --net ip rule add priority 2000 uidrange 65534-65534 to 192.0.2.1/32 prohibit protocol 83 2>/dev/null
}

# A program with the race detector waits for a second at its end, for goroutines that are left; the tests look for those.
export GORACE="${GORACE:-atexit_sleep_ms=20}"
# At 100, Go's own figure, collecting garbage takes a tenth of the time. So the largest program of the tests grows to a gigabyte. The
# compiler, of which several run besides, stays as it is.
gogc=${GOGC:-400}
status=0
# shellcheck disable=SC2086 # GOTESTSUM and RACE are words
${GOTESTSUM:-go run gotest.tools/gotestsum@v1.13.0} --format pkgname --format-hide-empty-pkg --jsonfile "$report" -- \
	${RACE:--race} -exec "env GOGC=$gogc" -shuffle=on -vet=all -p "${PARALLEL:-2}" -timeout 85m "$@" </dev/null || status=$?

count() { grep -c "\"Action\":\"$1\".*\"Test\":" "$report" || true; }
skipped=$(sed -nE 's/.*"Action":"skip","Package":"([^"]*)","Test":"([^"]*)".*/\1 \2/p' "$report" | sort -u)
if [ -n "$skipped" ]; then
	printf 'skipped (the reasons stand above):\n%s\n' "$skipped"
	failures=$skipped
	excuse() { # excuse TESTS CONDITION WHY: where the condition holds these skips are no failures
		if [ "${CI:-}" = true ] && grep -qE " $1\$" <<<"$failures" && "$2"; then
			echo "excused, since this host lets $3:"
			grep -E " $1\$" <<<"$failures"
			failures=$(grep -vE " $1\$" <<<"$failures" || true)
		fi
	}
	excuse "$need_namespaces" namespaces_forbidden 'nobody make user namespaces'
	excuse "$need_routing" routing_forbidden 'nobody, not even root, set rules of routing'
	if [ "${CI:-}" = true ] && [ -n "$failures" ]; then
		printf 'CI=true: a skipped test is a failure:\n%s\n' "$failures" >&2
		status=1
	fi
fi
printf '%s passed, %s failed, %s skipped\n' "$(count pass)" "$(count fail)" "$(count skip)"
exit "$status"
