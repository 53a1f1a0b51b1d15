/** The announcers that are asked: where they are, and what they answer. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { codeOf, messageOf } from '../../lib/errors.ts';
import { UserError } from '../errors.ts';
import { agentSockets, ask, type Place } from '../local-answers.ts';
import { L2_METRICS_PORT, L2_SOCKET, L2_STATE_SOCKET } from '../wiring/defaults.ts';
import type { L2Report } from './report.ts';

/**
 * The announcers that are named; else those of a data directory; else that of this machine, if there is one. Throws {@link UserError}.
 */
export function findAnnouncers(named: readonly string[], dataDir: string | undefined): readonly Place[] {
  if (named.length > 0) return named.map((place) => (URL.canParse(place) ? place : resolve(place)));
  if (dataDir !== undefined) return agentSockets(dataDir, L2_STATE_SOCKET);
  return mayBeThere(L2_SOCKET) ? [L2_SOCKET] : [];
}

/** False only where there is nothing: what may not be looked at is there. */
function mayBeThere(path: string): boolean {
  try {
    return statSync(path) !== undefined;
  } catch (error) {
    return codeOf(error) !== 'ENOENT';
  }
}

/** What it says now. Throws {@link UserError}, which says what to do. */
export async function askAnnouncer(place: Place): Promise<L2Report> {
  const { status, body } = await ask(place, '/status').catch((cause: unknown) => {
    if (codeOf(cause) === 'EACCES') throw new UserError(`only root may ask at ${place}`, AS_ROOT, { cause });
    const why = messageOf(cause);
    throw new UserError(`no announcer answers at ${place}: ${why}`, ANOTHER, { cause });
  });
  if (status === 500) throw new UserError(`the announcer at ${place} does not know how it is: ${body.trim()}`);
  const report = status === 200 ? parsed(body) : undefined;
  if (report === undefined) throw new UserError(`what answers at ${place} is no announcer (status ${status})`, ANOTHER);
  return report;
}

const AS_ROOT = `Run it with sudo, or ask at the port of its metrics: --socket http://127.0.0.1:${L2_METRICS_PORT}`;
const ANOTHER = 'Name another with --socket, or the directory of a cluster on this machine with --data-dir.';

/** Undefined for what is no report. Our own announcers are trusted to write what they say they do. */
function parsed(body: string): L2Report | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const isReport =
      typeof value === 'object' && value !== null && 'announcing' in value && Array.isArray(value.announcing);
    return isReport ? (value as L2Report) : undefined;
  } catch {
    return undefined;
  }
}
