import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runCommand } from "../../src/lib/run-command.ts";
import { type DaemonOptions, startDaemon, type TestDaemon } from "./harness.ts";
import { makePlaces, type Places, removePlaces } from "./places.ts";

/** A small file system of its own for the state of daemons: mounted for each alone, and gone with it. */
export interface SmallDisk extends AsyncDisposable {
  readonly places: Places;
  /** One after the other: each finds what the one before has left. */
  start(env?: DaemonOptions["env"]): Promise<TestDaemon>;
  /** The state directory of a daemon, as it sees it. */
  seenBy(daemon: TestDaemon): string;
}

const MOUNT = 'mount -o loop "$0" "$1"; chmod 711 "$1"; shift; exec "$@"';

export async function makeSmallDisk(size: string, options: readonly string[] = []): Promise<SmallDisk> {
  const image = join(await mkdtemp("/var/tmp/sharku-small-"), "image");
  await runCommand(["mke2fs", "-q", "-t", "ext4", "-m", "0", ...options, image, size]);
  const places = await makePlaces();
  const wrapper = ["unshare", "--mount", "sh", "-c", MOUNT, image, places.stateDir];
  return {
    places,
    start: (env = {}) => startDaemon({ places, wrapper, env }),
    seenBy: ({ pid }) => `/proc/${pid}/root${places.stateDir}`,
    [Symbol.asyncDispose]: async () => {
      await removePlaces(places);
      await rm(dirname(image), { recursive: true });
    },
  };
}
