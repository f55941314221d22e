#!/bin/sh
# Runs a command as root: at once where the caller is root, else by sudo, saying so.
set -eu
[ "$(id -u)" = 0 ] && exec "$@"
if ! command -v sudo >/dev/null 2>&1; then
  printf 'Cannot run "%s": it needs root and there is no sudo, run this as root\n' "$1" >&2
  exit 77
fi
printf 'This needs root, using sudo: %s\n' "$*" >&2
# sudo resets PATH; the pinned Node stands first in ours.
exec sudo -E env "PATH=$PATH" "$@"
