#!/bin/sh
# Runs in the test machine, as root: the files of tests that are listed, one after another, each within its time.
# boot.ts reads the lines that begin with "vm: "; after the last file comes "vm: end".
exec 2>&1
cd /opt/project
export PATH="$PWD/node_modules/.bin:$PATH" NO_COLOR=1 HOME=/root
# What Node has compiled once it need not compile again: each start costs seconds here.
export NODE_COMPILE_CACHE=/var/cache/node-compile
# On this disk and not on that of the daemon's state: what is synced there is for the daemon to say.
cut_wanted=/opt/project/.vm-power-cut
# Which of the lists is for this machine.
list=.vm-files-$(sed 's/.*sharku\.machine=\([0-9]*\).*/\1/' /proc/cmdline)

uptime() { cut -d. -f1 /proc/uptime; }

run_tests() {
  # Without isolation: one more process costs seconds here. Exit by force: a failed test may leave a daemon running.
  timeout --kill-after=10 "$1" node --test --test-force-exit --test-isolation=none --test-concurrency=1 \
    --test-reporter=spec "$2"
}

echo "vm: $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r), up after $(uptime) s"
# After a power cut the file goes on that wanted it.
if [ -e "$cut_wanted" ]; then
  rm "$cut_wanted"
  export SHARKU_VM_POWER_WAS_CUT=1
fi
while read -r slowness seconds file; do
  export SHARKU_TEST_SLOWNESS="$slowness"
  begun=$(uptime)
  code=0
  run_tests "$seconds" "$file" || code=$?
  if [ "$code" = 0 ] && [ -e "$cut_wanted" ]; then
    # The list of what is still to run must not be lost; of Sharku's files only those that it has synced are safe.
    sync "$list" "$cut_wanted"
    echo "vm: $file wants the power cut"
    sleep infinity
  fi
  unset SHARKU_VM_POWER_WAS_CUT
  sed -i 1d "$list"
  echo "vm: $file: $code after $(($(uptime) - begun)) s"
done <<LIST
$(cat "$list")
LIST
echo "vm: end"
