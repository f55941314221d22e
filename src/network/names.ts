/**
 * The names that a daemon takes on the host, all with its instance id in them. Interface names have 15 characters
 * at most (IFNAMSIZ).
 */
export interface NetworkNames {
  readonly table: string;
  readonly bridge: string;
  readonly vethPrefix: string;
}

export function networkNames(instance: string): NetworkNames {
  return { table: `sharku_${instance}`, bridge: `shk${instance}`, vethPrefix: `shk${instance}v` };
}

/** The host's end of a run's cable. */
export function vethName(names: NetworkNames, slot: number): string {
  return `${names.vethPrefix}${slot}`;
}
