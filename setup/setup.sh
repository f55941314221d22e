#!/bin/sh
# Sets up the project and the host, and does nothing where nothing is missing. It runs before anything of the
# project is installed, so it is plain sh and needs only npm.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# One set-up of this clone at a time; the lock goes with the process that holds it.
if [ -z "${SHARKU_SETUP_LOCKED:-}" ] && command -v flock >/dev/null 2>&1; then
  export SHARKU_SETUP_LOCKED=1
  lock=.setup-lock
  [ -e "$lock" ] || : 2>/dev/null >"$lock" || fail "Cannot write in \"$PWD\": it belongs to another user, run the set-up as its owner"
  # --close: what the set-up starts must not hold the lock after its end.
  flock --nonblock --close --conflict-exit-code 75 "$lock" sh setup/setup.sh "$@" && exit 0 || code=$?
  [ "$code" = 75 ] || exit "$code"
  say "waiting for another set-up of this clone"
  exec flock --close "$lock" sh setup/setup.sh "$@"
fi

command -v npm >/dev/null 2>&1 || fail 'Cannot find "npm": install Node with npm, any version from 18 on'

# node_modules fits when it was made from this very lockfile, on this kind of machine.
stamp=node_modules/.made-from
wanted="$(cksum <package-lock.json) $(uname -sm)"
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
  say "installing the project's own packages (npm ci)"
  npm ci --loglevel=error || fail "Cannot install the project's packages: npm ci failed, see its words above"
  printf '%s\n' "$wanted" >"$stamp"
fi

node=$PWD/node_modules/.bin/node
version=$("$node" --version 2>/dev/null || true)
major=${version#v}
major=${major%%.*}
if [ "${major:-0}" -lt 24 ]; then
  fail "Cannot find the pinned Node 24 in node_modules: npm did not run its install script (\"ignore-scripts\" in an .npmrc?), run: npm rebuild node --ignore-scripts=false"
fi

# The host's part changes the host, so it is root's.
exec sh scripts/as-root.sh "$node" setup/setup.ts "$@"
