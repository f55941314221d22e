#!/bin/sh
# Builds the disk of a stock Debian 12 with systemd, and prints the directory where root.img, vmlinuz and initrd.img
# lie. The directory is named by a digest of all that goes in, so the next call finds it there. Runs as root.
set -eu
cache=/var/tmp/sharku-vm-cache
here=$(cd "$(dirname "$0")" && pwd)
node=$(readlink -f "$here/../../node_modules/.bin/node")
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")

# A machine, what Sharku needs of it, what it can make use of, and what the tests look with.
packages=systemd-sysv,linux-image-cloud-amd64,udev,dbus,kmod,iproute2,nftables,procps,util-linux,e2fsprogs
packages=$packages,crun,conmon,catatonit,libseccomp2,runc,runsc,debootstrap,ca-certificates,openssl
packages=$packages,python3,gzip,zstd,xz-utils,bzip2,curl
digest=$( (cat "$0" "$here/checks.service" "$npm/package.json" && "$node" --version) | sha256sum | cut -c1-16)
image=$cache/$digest

if [ ! -e "$image/done" ]; then
  mkdir -p "$cache"
  build=$(mktemp -d "$cache/build-XXXXXX")
  trap 'rm -rf "$build"' EXIT
  mmdebstrap --quiet --variant=minbase --include="$packages" bookworm "$build/root" >&2
  # As a user would have them: procs see the host's /usr.
  cp "$node" "$build/root/usr/local/bin/node"
  mkdir -p "$build/root/usr/local/lib"
  cp -R "$npm" "$build/root/usr/local/lib/npm"
  ln -s ../lib/npm/bin/npm-cli.js "$build/root/usr/local/bin/npm"
  cp "$here/checks.service" "$build/root/etc/systemd/system/"
  ln -s ../checks.service "$build/root/etc/systemd/system/multi-user.target.wants/"
  # What mmdebstrap took over from the host that builds.
  : >"$build/root/etc/resolv.conf"
  echo sharku-vm >"$build/root/etc/hostname"
  mkdir -p "$build/root/opt/project" "$build/image"
  cp "$build"/root/boot/vmlinuz-* "$build/image/vmlinuz"
  cp "$build"/root/boot/initrd.img-* "$build/image/initrd.img"
  truncate -s 4G "$build/image/root.img"
  mkfs.ext4 -q -L root -d "$build/root" "$build/image/root.img" >&2
  touch "$build/image/done"
  rm -rf "$image"
  mv "$build/image" "$image"
fi
echo "$image"
