#!/bin/sh
# Runs in the test machine, as root: the checks, one file after another. What it prints is read by boot.ts.
exec 2>&1
cd /opt/project
export PATH="$PWD/node_modules/.bin:$PATH" NO_COLOR=1
echo "$(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r), up $(cut -d. -f1 /proc/uptime) s"
# Without isolation: a process for each file would cost seconds here. Exit by force: a failed check may leave a
# daemon running.
node --test --test-force-exit --test-isolation=none --test-concurrency=1 --test-reporter=spec "test/vm/*.test.ts"
