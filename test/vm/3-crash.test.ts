import assert from "node:assert/strict";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { tryCommand } from "../../src/lib/run-command.ts";
import { PROGRAMS, packDirectory } from "../host/archive.ts";
import { linesOf, runProc, untilExited } from "../host/proc-calls.ts";
import { until } from "../until.ts";
import { client, deleteAll, endDaemon, startDaemon } from "./machine.ts";

/** Here and not among the host tests, because what is set holds for the whole machine. */

const PATTERN = "/proc/sys/kernel/core_pattern";
/** Not below /run, from which nothing is executed on many hosts. */
const HANDLER = "/var/tmp/handle-core";
const HANDLED = "/var/tmp/handled-cores";

test("case 31: a proc that crashes starts no program of the host's, and leaves no core", async () => {
  const daemon = await startDaemon();
  const before = await readFile(PATTERN, "utf8");
  try {
    await writeFile(HANDLER, `#!/bin/sh\ncat > /dev/null\necho "$*" >> ${HANDLED}\n`);
    await chmod(HANDLER, 0o755);
    await writeFile(HANDLED, "");
    await writeFile(PATTERN, `|${HANDLER} %e %c`);
    const image = (await client.pushImage(new Blob([await packDirectory(PROGRAMS)]))).digest;
    const { id } = await runProc(client, { image, command: ["python3", "crash.py"] });
    const { exit } = await untilExited(client, id);
    assert.deepEqual([exit?.signal, await linesOf(client, id)], ["SIGSEGV", ["crashing"]]);

    // The same program without the limit, or with one of 0, which keeps only files from being written. The kernel
    // waits for no handler, so that this one's word also shows that the other has had its time.
    await tryCommand(["prlimit", "--core=0", "python3", `${PROGRAMS}/crash.py`]);
    await until("the handler has told", async () => (await readFile(HANDLED, "utf8")) !== "");
    assert.equal(await readFile(HANDLED, "utf8"), "python3 0\n");
  } finally {
    await writeFile(PATTERN, before);
    await Promise.all([HANDLER, HANDLED].map((path) => rm(path, { force: true })));
    await deleteAll();
    await endDaemon(daemon, "SIGTERM");
  }
});
