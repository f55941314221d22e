import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";

/** Writes dist/ anew: what an installed Sharku runs, since Node runs no TypeScript below node_modules. */
await rm("dist", { recursive: true, force: true });
const { status } = spawnSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
process.exitCode = status ?? 1;
