#!/bin/bash
# Installs what the tests need and is not here: Debian packages, if this is Debian and we are root, and the npm packages
# in this folder. What cannot be installed is said; the tests that need it are then skipped, or fail with CI=true.
set -euo pipefail
cd "$(dirname "$0")"

wanted=()
need() { # need PACKAGE COMMAND [COMMAND…]: the package is wanted unless one of the commands is there
	local package=$1 command
	shift
	for command; do
		if command -v "$command" >/dev/null || compgen -G "$command" >/dev/null; then
			return
		fi
	done
	wanted+=("$package")
}

need git git
need postgresql initdb '/usr/lib/postgresql/*/bin/initdb'
need docker-registry docker-registry
need openssh-server sshd /usr/sbin/sshd
need bubblewrap bwrap
need acl setfacl
need iproute2 ip
need chromium chromium chromium-browser google-chrome chrome

# npm ci starts from nothing each time; packages that are there and are those of the lock file stay.
stamp=node_modules/.installed-from
have_npm_packages() { [ -f "$stamp" ] && cmp -s "$stamp" package-lock.json; }
have_npm_packages || need npm npm

if [ ${#wanted[@]} -gt 0 ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "installing ${wanted[*]}"
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq </dev/null
		# One by one: a package that cannot be had must not keep the others out.
		for package in "${wanted[@]}"; do
			apt-get install -y -qq --no-install-recommends "$package" </dev/null >/dev/null ||
				echo "setup: $package could not be installed" >&2
		done
	else
		echo "setup: not installed, and not root on Debian: ${wanted[*]}; tests that need them are skipped" >&2
	fi
fi

if ! have_npm_packages; then
	if command -v npm >/dev/null; then
		echo "npm ci"
		if npm ci --silent --no-audit --no-fund --ignore-scripts </dev/null; then
			cp package-lock.json "$stamp"
		else
			echo "setup: npm ci failed; tests against GitHub's descriptions are skipped" >&2
		fi
	else
		echo "setup: npm is missing; tests against GitHub's descriptions are skipped" >&2
	fi
fi

# The server of S3 that checks signatures is in no distribution. What is in bin is of the version in its name.
gateway=v1.8.0
if [ ! -x "bin/versitygw-$gateway" ]; then
	echo "go install versitygw@$gateway"
	if GOBIN=$PWD/bin GOFLAGS= go install "github.com/versity/versitygw/cmd/versitygw@$gateway" </dev/null; then
		mv bin/versitygw "bin/versitygw-$gateway"
	else
		echo "setup: versitygw could not be built; the test of artifacts in its S3 is skipped" >&2
	fi
fi
