#!/bin/sh
# Looks at the page of a running server in Chromium: test.sh BASE_URL.
# SHOTS is the folder for pictures (default: none). What the test needs is kept in
# ${XDG_CACHE_HOME:-$HOME/.cache}/hone-test, never in the repository.
set -eu
base=${1:?usage: test.sh BASE_URL, such as http://127.0.0.1:8470}
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hone-test

cannot() {
	echo "$1" >&2
	echo "0 passed, 1 failed"
	exit 1
}

command -v node >/dev/null && command -v npm >/dev/null || cannot "the page test needs node and npm"

browser=${CHROMIUM:-}
for name in chromium chromium-browser google-chrome; do
	[ -n "$browser" ] || browser=$(command -v "$name" || true)
done
if [ -z "$browser" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	{ apt-get update && apt-get install -y --no-install-recommends chromium; } >&2 || true
	browser=$(command -v chromium || true)
fi
[ -n "$browser" ] || cannot "the page test needs Chromium: install it, or set CHROMIUM to its path"

mkdir -p "$cache"
cp "$here/package.json" "$here/package-lock.json" "$cache/"
if ! cmp -s "$here/package-lock.json" "$cache/installed.json"; then
	(cd "$cache" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund >&2) || cannot "npm could not install playwright-core and axe-core"
	cp "$here/package-lock.json" "$cache/installed.json"
fi
MODULES=$cache/node_modules CHROMIUM=$browser exec node "$here/test.mjs" "$base"
