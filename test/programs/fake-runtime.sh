#!/bin/sh
# crun, but for what its own name says: hang-start hangs at start, after-create does its work and then says that it
# failed, once-create fails the first time only.
how=${0##*/}
when=${how#*-}
how=${how%%-*}
verb=
for word in "$@"; do
  case $word in
    --version) exec crun --version ;;
    --*) ;;
    *)
      verb=$word
      break
      ;;
  esac
done
[ "$verb" = "$when" ] || exec crun "$@"
case $how in
  exit)
    echo "this one fails at $verb" >&2
    exit 1
    ;;
  once)
    [ ! -e "$0.done" ] || exec crun "$@"
    : >"$0.done"
    echo "this one fails at its first $verb" >&2
    exit 1
    ;;
  segv) kill -SEGV $$ ;;
  garbage)
    head -c 100000 /dev/urandom
    exit 0
    ;;
  spew)
    head -c 10000000 /dev/zero | tr '\0' 'x' >&2
    exit 1
    ;;
  hang) sleep 1000 ;;
  nothing) exit 0 ;;
  after)
    crun "$@"
    echo "this one fails after $verb" >&2
    exit 1
    ;;
esac
