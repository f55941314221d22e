export interface Member {
  readonly name: string | Buffer;
  /** What of its path does not fit into the name. */
  readonly prefix?: string;
  /** As in the header: 0 file, 1 hard link, 2 link, 3 and 4 devices, 5 directory, 6 fifo. */
  readonly type?: string;
  readonly body?: Buffer;
  readonly link?: string | Buffer;
  readonly mode?: number;
  readonly uid?: number;
  /** In seconds. */
  readonly mtime?: number;
  /** The size that the header tells, where that is not the body's. */
  readonly size?: number;
  /** The header's sum, where it is to be wrong. */
  readonly sum?: number;
}

const BLOCK = 512;

function tarHeader(member: Member): Buffer {
  const { name, type = "0", body = Buffer.alloc(0), link = "", mode = 0o644, uid = 0 } = member;
  const { size = body.length, mtime = 1_700_000_000, prefix = "" } = member;
  const header = Buffer.alloc(BLOCK);
  Buffer.from(name).copy(header, 0, 0, 100);
  header.write(`${number(mode, 7)}${number(uid, 7)}${number(uid, 7)}`, 100, "latin1");
  header.write(`${number(size, 11)}${number(mtime, 11)}        ${type}`, 124, "latin1");
  Buffer.from(link).copy(header, 157, 0, 100);
  header.write("ustar\x0000", 257);
  header.write(`${number(1, 7)}${number(3, 7)}`, 329, "latin1");
  header.write(prefix, 345);
  const { sum = header.reduce((total, byte) => total + byte, 0) } = member;
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/** In octal as far as that goes, beyond it in base 256, as GNU tar writes it. */
function number(value: number, digits: number): string {
  if (value < 8 ** digits) return `${value.toString(8).padStart(digits, "0")}\0`;
  const bytes = Buffer.alloc(digits + 1);
  bytes.writeBigUInt64BE(BigInt(value), digits - 7);
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  return bytes.toString("latin1");
}

/** Members without the mark of the end. */
export function tarBlocks(members: readonly Member[]): Buffer {
  return Buffer.concat(
    members.flatMap((member) => {
      const body = member.body ?? Buffer.alloc(0);
      return [tarHeader(member), body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)];
    }),
  );
}

/** An archive of just these members, also of such that no tar would write. */
export function makeTar(members: readonly Member[]): Buffer {
  return Buffer.concat([tarBlocks(members), Buffer.alloc(2 * BLOCK)]);
}

/** What GNU tar puts before a member whose name is too long for its header. */
export function gnuLongName(name: string | Buffer): Member {
  return { name: "././@LongLink", type: "L", body: Buffer.concat([Buffer.from(name), Buffer.alloc(1)]) };
}

/** What POSIX puts before a member for what does not fit its header; a value may be any bytes. */
export function paxHeader(records: Readonly<Record<string, string | Buffer>>): Member {
  const body = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
  return { name: "PaxHeaders/member", type: "x", body };
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
