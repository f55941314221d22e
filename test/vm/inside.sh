#!/bin/sh
# Runs in the test machine, as root: the files of tests that are listed, one after another, each within its time.
# boot.ts reads the lines that begin with "vm: "; after the last file comes "vm: end".
exec 2>&1
cd /opt/project
export PATH="$PWD/node_modules/.bin:$PATH" NO_COLOR=1 HOME=/root
# What Node has compiled once it need not compile again: each start costs seconds here.
export NODE_COMPILE_CACHE=/var/cache/node-compile
reboot_wanted=/var/lib/sharku-vm-reboot
# Which of the lists is for this machine.
list=.vm-files-$(sed 's/.*sharku\.machine=\([0-9]*\).*/\1/' /proc/cmdline)

uptime() { cut -d. -f1 /proc/uptime; }

run_tests() {
  # Without isolation: one more process costs seconds here. Exit by force: a failed test may leave a daemon running.
  timeout --kill-after=10 "$1" node --test --test-force-exit --test-isolation=none --test-concurrency=1 \
    --test-reporter=spec "$2"
}

echo "vm: $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r), up after $(uptime) s"
# After a reboot the file goes on that wanted it.
if [ -e "$reboot_wanted" ]; then
  rm "$reboot_wanted"
  export SHARKU_VM_REBOOTED=1
fi
while read -r slowness seconds file; do
  export SHARKU_TEST_SLOWNESS="$slowness"
  begun=$(uptime)
  code=0
  run_tests "$seconds" "$file" || code=$?
  if [ "$code" = 0 ] && [ -e "$reboot_wanted" ]; then
    echo "vm: $file wants a reboot"
    # The list of what is still to run must not be lost; of Sharku's files only those that it has synced are safe.
    sync "$list" "$reboot_wanted"
    echo b >/proc/sysrq-trigger
    sleep infinity
  fi
  unset SHARKU_VM_REBOOTED
  sed -i 1d "$list"
  echo "vm: $file: $code after $(($(uptime) - begun)) s"
done <<LIST
$(cat "$list")
LIST
echo "vm: end"
