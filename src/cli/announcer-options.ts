/** How the announcer of a node's agent works, as `agent`, `up` and `lab` are told. */
import { type Command, Option } from 'commander';
import {
  addHeartbeatOptions,
  type HeartbeatFlags,
  type Heartbeats,
  heartbeatArgv,
  heartbeatsOf,
} from './heartbeat-options.ts';
import { parseInterfaces } from './options.ts';

export interface AnnouncerFlags extends HeartbeatFlags {
  readonly l2Interfaces?: readonly string[];
}

export interface AnnouncerOptions extends Heartbeats {
  /** The only interfaces to announce on. Default: those that hold the node's addresses, or that an advertisement names. */
  readonly interfaces?: readonly string[];
}

/** The option, called as a command that has others of interfaces wants it. */
export const interfacesOption = (flag: string): Option =>
  new Option(
    `${flag} <names>`,
    "the only interfaces to announce on (default: those with the node's addresses, or that an advertisement names)",
  ).argParser(parseInterfaces);

export function addAnnouncerOptions(command: Command): Command {
  return addHeartbeatOptions(command.addOption(interfacesOption('--l2-interfaces')));
}

/** Checks what the flags say. Throws a `UserError`. */
export async function announcerOf(flags: AnnouncerFlags): Promise<AnnouncerOptions> {
  const heartbeats = await heartbeatsOf(flags);
  return flags.l2Interfaces === undefined ? heartbeats : { ...heartbeats, interfaces: flags.l2Interfaces };
}

/** The same flags, for another process of ours. */
export function announcerArgv(flags: AnnouncerFlags): readonly string[] {
  const { l2Interfaces } = flags;
  return [...heartbeatArgv(flags), ...(l2Interfaces === undefined ? [] : ['--l2-interfaces', l2Interfaces.join()])];
}
