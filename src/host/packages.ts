import type { PackageManager } from "./facts.ts";

/** What a program's package is called where it is not called like the program; `*` stands for the managers unnamed. */
const names: Readonly<Record<string, Partial<Record<PackageManager | "*", string>>>> = {
  ip: { "*": "iproute2", dnf: "iproute" },
  nft: { "*": "nftables" },
  mke2fs: { "*": "e2fsprogs" },
  nsenter: { "*": "util-linux", apk: "util-linux-misc" },
  xz: { "*": "xz", "apt-get": "xz-utils" },
  bsdtar: { "apt-get": "libarchive-tools", apk: "libarchive-tools", pacman: "libarchive" },
  python3: { "*": "python3", pacman: "python" },
};

const installs = {
  "apt-get": "apt-get install -y --no-install-recommends",
  dnf: "dnf install -y --setopt=install_weak_deps=False",
  pacman: "pacman -S --needed --noconfirm",
  apk: "apk add",
  zypper: "zypper --non-interactive install --no-recommends",
} as const satisfies Record<PackageManager, string>;

export function packageOf(program: string, manager: PackageManager | null): string {
  const known = names[program];
  return (manager ? known?.[manager] : undefined) ?? known?.["*"] ?? program;
}

/** The line that installs these packages, for a person or for `sh -c`. */
export function installLine(packages: readonly string[], manager: PackageManager | null): string {
  if (manager === null) return `install these by your package manager: ${packages.join(" ")}`;
  return `${installs[manager]} ${packages.join(" ")}`;
}
