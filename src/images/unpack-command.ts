import type { ArchiveFormat } from "../contract/image.ts";

/** Exit codes of the command beside 0; what tar or the decompressor had to say is on standard error. */
export const unpackExit = { tar: 65, decompress: 66, tooLong: 67 } as const;

/**
 * Each part reports its exit code on descriptor 3, which the shell gathers; tar's list of members goes to
 * standard output by descriptor 4. The rest of the stream is read after tar has seen its end, so that the
 * decompressor gets to check its sums. `head` stops a bomb; one byte more than allowed tells that it did.
 */
const SCRIPT = `
umask 022
export LC_ALL=C
exec 4>&1
decompress() {
  case "$1" in
    gzip) gzip -dc ;;
    zstd) zstd -dcq ;;
    xz) xz -dcq --memlimit-decompress=192MiB -T1 ;;
  esac
}
limited() { head -c "$1" 4>&-; [ "$(head -c 1 | wc -c)" -eq 0 ] || echo "long " >&3; }
stream() {
  if [ "$1" = tar ]; then echo "decompress=0 " >&3; limited "$2"
  else { decompress "$1" 4>&-; echo "decompress=$? " >&3; } | limited "$2"; fi
}
report=$({
  stream "$1" "$2" |
  {
    tar -x -vv -R -f - -C "$3" --numeric-owner --no-same-owner --no-same-permissions --delay-directory-restore \\
      --quoting-style=escape --warning=no-timestamp --warning=no-unknown-keyword >&4
    echo "tar=$? " >&3
    cat >/dev/null
  }
} 3>&1)
case "$report" in
  *long*) exit ${unpackExit.tooLong} ;;
  *decompress=0*tar=0* | *tar=0*decompress=0*) exit 0 ;;
  *decompress=0*) exit ${unpackExit.tar} ;;
  *) exit ${unpackExit.decompress} ;;
esac
`;

export interface UnpackCommandOptions {
  readonly format: ArchiveFormat;
  /** The most bytes that are taken of the archive once it is decompressed. */
  readonly streamBytesMax: number;
  /** Where the files go, as the command sees it. */
  readonly target: string;
}

/** The command that unpacks the archive on its standard input. No word of it comes from the archive. */
export function unpackCommand({ format, streamBytesMax, target }: UnpackCommandOptions): string[] {
  return ["/bin/sh", "-c", SCRIPT, "unpack", format, String(streamBytesMax), target];
}
