import { realpath } from "node:fs/promises";
import { Readable } from "node:stream";
import { type Contender, timed } from "../measure.ts";
import {
  createBody,
  type Engine,
  importArchive,
  type OpenEngine,
  removeRunning,
  startContainer,
} from "./engine.ts";

const NAME = "sharku-bench-app";
/** Beside /usr: where programs look for their libraries, which the imported tree does not have. */
const libraryDirs = ["/lib", "/lib64"];

/** The engine takes an archive in as an image, another each time, and starts a container of it. */
export async function importAndRun(
  engine: Engine,
  { call, archive }: { call: OpenEngine["call"]; archive: (number: number) => AsyncIterable<Buffer> },
): Promise<Contender> {
  const body = createBody(engine);
  const Binds = [...body.HostConfig.Binds, ...(await libraryBinds())];
  const wanted = {
    ...body,
    Cmd: ["/usr/bin/sleep", "600"],
    HostConfig: { ...body.HostConfig, Binds },
  };
  let count = 0;
  return {
    name: engine.name,
    what: `${engine.name} ${engine.version}, API image import, then create and start; with the upload`,
    once: async () => {
      count += 1;
      // Named as the template is: Podman did not find one again by a tag of its own.
      const image = `${NAME}-${count}:latest`;
      const bytes = Readable.from(archive(count));
      let id = "";
      const ms = await timed(async () => {
        await importArchive(bytes, { socket: engine.socket, image });
        id = await startContainer(call, { ...wanted, Image: image });
      });
      await removeRunning(call, { id, engine });
      return ms;
    },
  };
}

async function libraryBinds(): Promise<string[]> {
  const found = await Promise.all(
    libraryDirs.map(async (dir) => [await realpath(dir).catch(() => null), dir] as const),
  );
  return found.flatMap(([source, dir]) => (source === null ? [] : [`${source}:${dir}:ro`]));
}
