/** Labs for tests, whose server and agents are those of `lab.fixture.ts`. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Ending, tempDir } from '../../test/support/temp-dir.ts';
import { runCommand } from '../host/process.ts';
import { skipUnless } from '../host/testing/in-namespace.ts';
import type { IPFamily } from '../lib/ip.ts';
import { fixtureCommands } from './lab.fixture.ts';
import { type LabOptions, labDown, labExec, labStatus, labUp } from './lab.ts';

/** The `skip` of tests with a lab. */
export const skip = skipUnless(['true']) || (isOpen('/dev/net/tun') ? false : '/dev/net/tun is not open to this user');

function isOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where a lab may be. It is taken down before the directory around it is removed: hooks run in the order they were made. */
export function labDir(t: Ending): string {
  const place: { dir?: string } = {};
  t.after(() => place.dir && labDown(place.dir));
  place.dir = join(tempDir(t), 'lab');
  return place.dir;
}

/** A lab of two nodes, taken down when the test ends. */
export async function lab(t: Ending, more: Partial<LabOptions> = {}) {
  const dir = labDir(t);
  const families: readonly IPFamily[] = ['IPv4', 'IPv6'];
  const options: LabOptions = { dir, nodes: 2, ipFamilies: families, commands: fixtureCommands(), ...more };
  const status = await labUp(options);
  const at = async (who: string, ...argv: string[]) => {
    const command = labExec(dir, who, argv);
    return (await runCommand(command.argv, { env: command.env })).stdout;
  };
  return { dir, options, status, at };
}

/** Waits for something that another process does; the test's own time limit ends it. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(10);
}

/** One of a lab's processes. */
export const processOf = (dir: string, name: string) =>
  labStatus(dir).processes.find((process) => process.name === name);
