import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readlink } from "node:fs/promises";
import { runCommand, tryCommand } from "../../src/lib/run-command.ts";
import { until } from "../until.ts";

/**
 * A host beyond this one, in a network namespace of our own: it has the addresses that a test wants to knock at,
 * and answers on port 80 of each. So nothing of a test ever leaves this machine, whatever address it names.
 */
export interface OutsideHost extends AsyncDisposable {
  readonly addresses: readonly string[];
}

const GATEWAY = "10.189.255.1";
const HOST = "10.189.255.2";
const ANSWER = [
  "import socketserver as s",
  "class H(s.BaseRequestHandler):",
  "  def handle(self): self.request.sendall(b'outside')",
  "class T(s.ThreadingTCPServer): allow_reuse_address = True",
  "T(('0.0.0.0', 80), H).serve_forever()",
].join("\n");

export async function openOutsideHost(addresses: readonly string[]): Promise<OutsideHost> {
  const link = `out${process.pid}`;
  const server = spawn("unshare", ["--net", "python3", "-c", ANSWER], { stdio: "ignore" });
  const close = async () => {
    server.kill("SIGKILL");
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    await tryCommand(["ip", "link", "delete", link]);
  };
  try {
    const pid = server.pid ?? assert.fail("unshare does not run");
    await until(
      "it has a network of its own",
      async () => (await networkOf(pid)) !== (await networkOf("self")),
    );
    await ip([
      `link add ${link} type veth peer name eth0 netns ${pid}`,
      `address add ${GATEWAY}/30 dev ${link}`,
      `link set ${link} up`,
    ]);
    const inside = [
      ...["link set lo up", `address add ${HOST}/30 dev eth0`, "link set eth0 up"],
      `route add default via ${GATEWAY}`,
      ...addresses.map((address) => `address add ${address}/32 dev lo`),
    ];
    await ip(inside, ["nsenter", "--target", String(pid), "--net"]);
    await ip(addresses.map((address) => `route add ${address}/32 via ${HOST}`));
    await until("the outside host answers", async () => (await knock(HOST)) === "outside");
    return { addresses, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What the host itself is answered there. */
export async function knock(address: string): Promise<string> {
  const script =
    "import sys,socket; print(socket.create_connection((sys.argv[1],80),timeout=2).recv(99).decode(), end='')";
  const result = await tryCommand(["python3", "-c", script, address]);
  return result.code === 0 ? result.stdout : "nothing";
}

async function ip(lines: readonly string[], where: readonly string[] = []): Promise<void> {
  await runCommand([...where, "ip", "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

async function networkOf(pid: number | "self"): Promise<string> {
  return await readlink(`/proc/${pid}/ns/net`);
}
