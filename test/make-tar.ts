export interface Member {
  readonly name: string | Buffer;
  /** As in the header: 0 file, 1 hard link, 2 link, 3 and 4 devices, 5 directory, 6 fifo. */
  readonly type?: string;
  readonly body?: Buffer;
  readonly link?: string;
  readonly mode?: number;
}

function tarHeader({ name, type = "0", body = Buffer.alloc(0), link = "", mode = 0o644 }: Member): Buffer {
  const header = Buffer.alloc(512);
  Buffer.from(name).copy(header, 0);
  const octal = (value: number, width: number) => value.toString(8).padStart(width, "0");
  header.write(`${octal(mode, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100);
  header.write(`${octal(body.length, 11)}\0${octal(1_700_000_000, 11)}\0        ${type}${link}`, 124);
  header.write("ustar\x0000", 257);
  header.write(`${octal(1, 7)}\0${octal(3, 7)}\0`, 329);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

/** An archive of just these members, also of such that no tar would write. */
export function makeTar(members: readonly Member[]): Buffer {
  const parts = members.flatMap((member) => {
    const body = member.body ?? Buffer.alloc(0);
    return [tarHeader(member), body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
