import type { Command } from "./command.ts";
import { capacityCommand } from "./host/capacity.ts";
import { dfCommand } from "./host/df.ts";
import { doctorCommand } from "./host/doctor.ts";
import { infoCommand } from "./host/info.ts";
import { imageFilesCommand } from "./image/files.ts";
import { imageLsCommand } from "./image/ls.ts";
import { imagePinCommand, imageUnpinCommand } from "./image/pin.ts";
import { imagePruneCommand } from "./image/prune.ts";
import { imagePushCommand } from "./image/push.ts";
import { imageRmCommand } from "./image/rm.ts";
import { callbacksCommand } from "./proc/callbacks.ts";
import { eventsCommand } from "./proc/events.ts";
import { limitsCommand } from "./proc/limits.ts";
import { logsCommand } from "./proc/logs.ts";
import { psCommand } from "./proc/ps.ts";
import { restartCommand } from "./proc/restart.ts";
import { rmCommand } from "./proc/rm.ts";
import { runCommand } from "./proc/run.ts";
import { signalCommand } from "./proc/signal.ts";
import { statsCommand, topCommand } from "./proc/stats.ts";
import { stopCommand } from "./proc/stop.ts";
import { waitCommand } from "./proc/wait.ts";
import { templateCreateCommand } from "./template/create.ts";
import { templateInspectCommand } from "./template/inspect.ts";
import { templateLsCommand } from "./template/ls.ts";
import { templateRmCommand } from "./template/rm.ts";

/** Takes its own arguments and prints its own help, so it is here for the help and for suggestions only. */
export const serveCommand: Command = {
  path: ["serve"],
  arguments: "",
  argumentCount: [0, Infinity],
  summary: "Run the daemon",
  options: {},
  examples: ["sharku serve", "sharku serve --help"],
  run: (call) => call.io.serve([...call.args]),
};

/** All commands, in the order of the help. */
export const commands: readonly Command[] = [
  runCommand,
  psCommand,
  logsCommand,
  limitsCommand,
  statsCommand,
  topCommand,
  stopCommand,
  restartCommand,
  signalCommand,
  rmCommand,
  waitCommand,
  eventsCommand,
  callbacksCommand,
  imagePushCommand,
  imageLsCommand,
  imageFilesCommand,
  imageRmCommand,
  imagePinCommand,
  imageUnpinCommand,
  imagePruneCommand,
  templateCreateCommand,
  templateLsCommand,
  templateInspectCommand,
  templateRmCommand,
  dfCommand,
  infoCommand,
  capacityCommand,
  doctorCommand,
  serveCommand,
];
