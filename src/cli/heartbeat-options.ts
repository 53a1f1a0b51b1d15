/** How the nodes of a cluster are to watch each other, as commands ask for it. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { KeyFileError, readKeyFile } from '../l2/key-file.ts';
import { DEFAULT_HEARTBEATS, type HeartbeatSettings, mistakeIn } from '../l2/settings.ts';
import type { Duration } from '../lib/duration.ts';
import { UserError } from './errors.ts';
import { parseDuration, parsedOption, parsePort } from './options.ts';

export interface HeartbeatFlags {
  readonly heartbeatInterval: Duration;
  readonly heartbeatTimeout: Duration;
  readonly heartbeatPort: number;
  readonly heartbeatKey?: string;
}

/** What the flags say. */
export interface Heartbeats {
  readonly heartbeats: HeartbeatSettings;
  /** Holds the secret, instead of the cluster's Secret; read again from time to time. */
  readonly heartbeatKeyFile?: string;
}

const { interval, timeout, port } = DEFAULT_HEARTBEATS;

export function addHeartbeatOptions(command: Command): Command {
  return command
    .addOption(
      parsedOption(
        '--heartbeat-interval <time>',
        'between two heartbeats to another node; 0: none, leases alone tell who lives',
        parseDuration,
        `${interval}ms`,
      ),
    )
    .addOption(
      parsedOption(
        '--heartbeat-timeout <time>',
        'silence after which a node counts as lost',
        parseDuration,
        `${timeout}ms`,
      ),
    )
    .addOption(
      parsedOption(
        '--heartbeat-port <port>',
        'UDP port of heartbeats; open it between the nodes',
        parsePort,
        `${port}`,
      ),
    )
    .addOption(
      new Option(
        '--heartbeat-key <file>',
        "secret of heartbeats, the same on every node (default: that of the cluster's Secret)",
      ),
    );
}

/** Checks what the flags say. Throws {@link UserError}. */
export async function heartbeatsOf(flags: HeartbeatFlags): Promise<Heartbeats> {
  const heartbeats = { interval: flags.heartbeatInterval, timeout: flags.heartbeatTimeout, port: flags.heartbeatPort };
  const mistake = mistakeIn(heartbeats);
  if (mistake !== undefined) {
    throw new UserError(
      mistake,
      `Left out, they are --heartbeat-interval ${interval}ms --heartbeat-timeout ${timeout}ms.`,
    );
  }
  if (flags.heartbeatKey === undefined) return { heartbeats };
  const heartbeatKeyFile = resolve(flags.heartbeatKey);
  await checkKey(heartbeatKeyFile);
  return { heartbeats, heartbeatKeyFile };
}

/** The same flags, for another process of ours, wherever that runs. */
export function heartbeatArgv(flags: HeartbeatFlags): readonly string[] {
  return [
    ...['--heartbeat-interval', `${flags.heartbeatInterval}ms`, '--heartbeat-timeout', `${flags.heartbeatTimeout}ms`],
    ...['--heartbeat-port', `${flags.heartbeatPort}`],
    ...(flags.heartbeatKey === undefined ? [] : ['--heartbeat-key', resolve(flags.heartbeatKey)]),
  ];
}

/** Told at once, while somebody looks on: who reads the file later can only write it into a log. */
async function checkKey(path: string): Promise<void> {
  try {
    await readKeyFile(path);
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    throw new UserError(`--heartbeat-key: ${error.message}`, error.remedy, { cause: error });
  }
}
