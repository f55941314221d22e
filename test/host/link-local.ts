import { tryCommand } from "../../src/lib/run-command.ts";

/** A link-local address of the host's, on a link of the test's own that leads nowhere. */
export interface LinkLocal extends AsyncDisposable {
  readonly address: string;
}

export async function openLinkLocal(): Promise<LinkLocal> {
  const name = `shkll${process.pid}`.slice(0, 15);
  const address = `169.254.${1 + (process.pid % 250)}.${1 + (Math.floor(process.pid / 250) % 250)}`;
  const ip = async (...words: string[]) => {
    const { code, stderr } = await tryCommand(["ip", ...words], {});
    if (code !== 0) throw new Error(`Cannot ip ${words.join(" ")}: ${stderr}`);
  };
  await ip("link", "add", name, "type", "bridge");
  const link = { address, [Symbol.asyncDispose]: () => ip("link", "delete", name) };
  try {
    await ip("address", "add", `${address}/32`, "dev", name);
    await ip("link", "set", name, "up");
    return link;
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}
