/**
 * What runs in the sandbox. The scripts stand on the host's tools and see the tree at /mnt; no word of a caller or of
 * an archive is part of a script, all come as arguments. What they find they print, a line each:
 *
 *     E d|l|f NAME [TARGET]    an entry at the top of the tree
 *     M KIND PATH              what stands where something is to be mounted: none, dir, file, link or other
 *     A BYTES                  the first bytes of the shell, in hex
 *     C NAME STATUS            1 where something was found, 0 where not
 *     S BYTES FILES            the size of the tree
 */

/** Names with other letters are nobody's top-level directory, and could pretend to be another line. */
const LIST_TOP = `
list_top() {
  cd /mnt || exit 1
  for name in * .[!.]*; do
    case $name in *[!A-Za-z0-9._-]*) continue ;; esac
    if [ -L "$name" ]; then
      target=$(readlink -- "$name")
      case $target in *[!A-Za-z0-9._/+-]*) target= ;; esac
      echo "E l $name $target"
    elif [ -d "$name" ]; then echo "E d $name"
    elif [ -e "$name" ]; then echo "E f $name"
    fi
  done
}
`;

const HEAD = `
set -u
umask 022
export LC_ALL=C
`;

/** Arguments: those of debootstrap. Downloads and unpacks; nothing of the tree is run. */
export const FETCH_DEBIAN = `${HEAD}${LIST_TOP}
command -v debootstrap >/dev/null || exit 69
export container=lxc WGETRC=/tmp/wgetrc
printf 'timeout = 30\ntries = 3\n' >"$WGETRC"
chmod 755 /mnt
debootstrap --foreign "$@" 2>&1 || {
  code=$?
  [ -f /mnt/debootstrap/debootstrap.log ] && tail -n 20 /mnt/debootstrap/debootstrap.log
  exit $code
}
for name in boot home media mnt opt root srv; do [ -e "/mnt/$name" ] || mkdir "/mnt/$name"; done
mkdir -p /mnt/etc/dpkg/dpkg.cfg.d
echo force-unsafe-io >/mnt/etc/dpkg/dpkg.cfg.d/00-sharku-build
list_top
`;

/** Runs in the tree itself, without a network. */
export const CONFIGURE_DEBIAN = `${HEAD}
export container=lxc
/debootstrap/debootstrap --second-stage --keep-debootstrap-dir 2>&1 || {
  code=$?
  tail -n 20 /debootstrap/debootstrap.log
  exit $code
}
`;

/** Arguments: format, the most bytes when decompressed. The archive is standard input. */
export const UNPACK = `${HEAD}${LIST_TOP}
exec 4>&1
decompress() {
  case "$1" in
    gzip) gzip -dc ;;
    zstd) zstd -dcq ;;
    xz) xz -dcq --memlimit-decompress=512MiB -T1 ;;
    tar) cat ;;
  esac
}
report=$({
  { decompress "$1" 4>&-; echo "decompress=$? " >&3; } |
  { head -c "$2" 4>&-; [ "$(head -c 1 | wc -c)" -eq 0 ] || echo "long " >&3; } |
  {
    tar -x -v -f - -C /mnt --numeric-owner --same-owner -p --delay-directory-restore --quoting-style=escape \\
      --anchored --exclude='dev/*' --exclude='./dev/*' --warning=no-timestamp --warning=no-unknown-keyword >&4
    echo "tar=$? " >&3
    cat >/dev/null
  }
} 3>&1)
case "$report" in
  *long*) exit 67 ;;
  *decompress=0*tar=0* | *tar=0*decompress=0*) ;;
  *decompress=0*) exit 65 ;;
  *) exit 66 ;;
esac
`;

/**
 * Arguments: pairs of a directory that is seen and where in the tree its files go. What is no file, directory or link
 * stays out: no template keeps it, and nobody may make a device here. A tree in use may change while it is read (1).
 */
export const COPY = `${HEAD}${LIST_TOP}
copy() {
  cd "$1" || return
  { find . \\( -type f -o -type d -o -type l \\) -print0 && echo well >&4; } |
    { tar -c -f - --sparse --xattrs --null --no-recursion --verbatim-files-from -T - || [ $? -eq 1 ] && echo well >&4; } |
    { tar -x -f - -C "$2" --numeric-owner --same-owner -p --xattrs --delay-directory-restore && echo well >&4; }
}
while [ $# -gt 0 ]; do
  mkdir -p "/mnt$2" || exit 1
  [ "$(echo $(copy "$1" "/mnt$2" 4>&1 >&2))" = "well well well" ] || exit 1
  shift 2
done
chmod 755 /mnt
if [ -d /mnt/etc/dpkg ]; then
  mkdir -p /mnt/etc/dpkg/dpkg.cfg.d
  echo force-unsafe-io >/mnt/etc/dpkg/dpkg.cfg.d/00-sharku-build
fi
list_top
`;

/** Both run in the tree itself. Arguments: packages. The first has the network, the second none. */
export const FETCH_PACKAGES = `${HEAD}
command -v apt-get >/dev/null || exit 69
export DEBIAN_FRONTEND=noninteractive
apt-get -q -o Dpkg::Use-Pty=0 -o APT::Status-Fd=1 -o Acquire::http::Timeout=30 -o Acquire::Retries=2 update 2>&1 &&
apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 -o APT::Status-Fd=1 -o Acquire::http::Timeout=30 \\
  --download-only install -- "$@" 2>&1
`;

/** apt closes the descriptor of its status before it starts anything, and triggers want a standard output. */
export const INSTALL_PACKAGES = `${HEAD}
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 -o APT::Status-Fd=3 --no-download install -- "$@" \\
  3>&1 2>&1
code=$?
rm -f /usr/sbin/policy-rc.d
exit $code
`;

/**
 * Runs in the tree itself, of which it needs the shell alone. Argument: where the caller's script is seen. By -e, since a
 * script that went on after a fault would end well.
 */
export const RUN_SCRIPT = `${HEAD}
exec /bin/sh -e "$1" </dev/null 2>&1
`;

/**
 * What it opens is a plain file: to open a FIFO or a device may take for ever.
 * Arguments: `own` or `look`; the text of sources.list, or nothing; then paths where something is to be mounted.
 */
export const FINISH = `${HEAD}${LIST_TOP}
how=$1 sources=$2
shift 2
cd /mnt || exit 1
kind() {
  if [ -L "$1" ]; then echo link
  elif [ -d "$1" ]; then echo dir
  elif [ -f "$1" ]; then echo file
  elif [ -e "$1" ]; then echo other
  else echo none
  fi
}
blank() { rm -f "$1"; : >"$1"; }
plain() { [ -f "$1" ] && [ ! -L "$1" ]; }
has_app() { plain "$1" && cut -d: -f1,3 "$1" | grep -q -e '^app:' -e ':1000$'; }
add_line() { if plain "$1" || [ "$(kind "$1")" = none ]; then printf '%s\\n' "$2" >>"$1"; fi; }
add_user() {
  add_line etc/passwd 'app:x:1000:1000:app:/app:/bin/sh'
  has_app etc/group || add_line etc/group 'app:x:1000:'
  ! plain etc/shadow || add_line etc/shadow 'app:!:19000:0:99999:7:::'
}
if [ "$how" = own ]; then
  chmod 755 .
  find . -xdev ! -type f ! -type d ! -type l -exec rm -f {} +
  [ -e etc ] || [ -L etc ] || mkdir etc
  if [ -d etc ] && [ ! -L etc ]; then
    if [ -n "$sources" ]; then
      blank etc/resolv.conf; blank etc/hosts; blank etc/hostname
      printf '%s\\n' "$sources" >etc/apt/sources.list
    fi
    for name in hosts resolv.conf; do [ -e "etc/$name" ] || [ -L "etc/$name" ] || : >"etc/$name"; done
    [ ! -f etc/machine-id ] || blank etc/machine-id
    has_app etc/passwd || add_user
  fi
  rm -rf debootstrap etc/dpkg/dpkg.cfg.d/00-sharku-build
  rm -rf var/cache/apt/archives/*.deb var/cache/apt/archives/partial var/cache/apt/*.bin var/lib/apt/lists/* var/log/bootstrap.log
  [ -L dev ] || rm -rf dev
  if [ -d var/tmp ] && [ ! -L var/tmp ] && rmdir var/tmp 2>/dev/null; then ln -s /tmp var/tmp; fi
  find . -xdev -type f -perm /6000 -exec chmod a-s {} +
  find . -xdev ! -type l -perm /022 -exec chmod go-w {} +
  echo "S $(du -sx --apparent-size --block-size=1 . | cut -f1) $(du -sx --inodes . | cut -f1)"
fi
list_top
for path in app dev proc run sys tmp etc etc/hosts etc/resolv.conf "$@"; do echo "M $(kind "$path") $path"; done
for shell in bin/sh usr/bin/sh bin/dash usr/bin/dash bin/bash usr/bin/bash bin/busybox usr/bin/busybox; do
  if [ -f "$shell" ] && [ ! -L "$shell" ]; then
    echo "A $(head -c 20 "$shell" | od -An -v -tx1 | tr -d ' \\n')"
    break
  fi
done
check() {
  name=$1
  shift
  for path in "$@"; do
    if [ -e "$path" ]; then echo "C $name 1"; return; fi
  done
  echo "C $name 0"
}
check shell bin/sh usr/bin/sh
check loader lib/ld-* lib64/ld-* usr/lib/ld-* usr/lib64/ld-* lib/*/ld-* usr/lib/*/ld-*
check certificates etc/ssl/certs/ca-certificates.crt etc/ssl/cert.pem etc/pki/tls/certs/ca-bundle.crt
check timezones usr/share/zoneinfo
if has_app etc/passwd; then echo "C user 1"; else echo "C user 0"; fi
# To what others than root own, users of the host with their numbers could write.
is_roots() {
  others=$(find . -xdev -mindepth 1 ! -type l \\( ! -uid 0 -o -perm /022 -o -type f -perm /6000 \\) -print -quit) &&
    [ -z "$others" ]
}
if [ "$how" = look ] || is_roots; then echo "C owners 1"; else echo "C owners 0"; fi
`;
