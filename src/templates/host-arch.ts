import { arch } from "node:process";

const debianNames: Readonly<Record<string, string>> = {
  arm: "armhf",
  arm64: "arm64",
  ia32: "i386",
  ppc64: "ppc64el",
  riscv64: "riscv64",
  s390x: "s390x",
  x64: "amd64",
};

/** This host's architecture, as Debian calls it. */
export function hostArch(): string {
  return debianNames[arch] ?? arch;
}
