import { type Rule, readOnlyBind, withMounts } from "../bundle.ts";

/** The template's top-level directories, shared by every container and never copied. */
export const templateRule: Rule = (config, { template }) =>
  withMounts(
    config,
    template.binds.map(({ source, destination }) => readOnlyBind(source, destination)),
  );

/** What goes on top of the template: the app, its hosts file, or what else the caller names. */
export const extraMountsRule: Rule = (config, { extraMounts }) => withMounts(config, extraMounts);
