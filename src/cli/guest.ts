/** Reaching guests of this machine through their serial consoles. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { keyText, type ObjectKey } from '../api/meta/v1.ts';
import { consolePath, openConsole, runInGuest } from '../vm/console/console.ts';
import { UserError } from './errors.ts';

/** Ctrl-], as virtctl and telnet have it. */
const LEAVE = 0x1d;

/** Joins this terminal to a guest's console until Ctrl-] is typed or the guest ends. */
export async function joinConsole(dataDir: string, key: ObjectKey): Promise<void> {
  const console = await openConsole(stateDirOf(dataDir, key), keyText(key));
  process.stderr.write(`Console of ${keyText(key)}. Ctrl-] leaves.\r\n`);
  const { stdin } = process;
  if (stdin.isTTY) stdin.setRawMode(true);
  try {
    await new Promise<void>((resolve, reject) => {
      stdin.on('data', (typed: Buffer) => {
        const leaving = typed.indexOf(LEAVE);
        console.write(leaving < 0 ? typed : typed.subarray(0, leaving));
        if (leaving >= 0) resolve();
      });
      console.on('data', (shown: Buffer) => process.stdout.write(shown));
      console.once('close', resolve);
      console.once('error', reject);
    });
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
    console.destroy();
  }
}

/** Runs a command in a guest's own shell, prints what it printed, and returns its exit status. */
export async function execInGuest(dataDir: string, key: ObjectKey, argv: readonly string[]): Promise<number> {
  const path = consolePath(stateDirOf(dataDir, key), key);
  const { output, code } = await runInGuest(path, argv.map(quoted).join(' '));
  process.stdout.write(output);
  return code;
}

/** One argument as the guest's shell reads it back unchanged. */
function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/** The vm part's state that has the guest: of `postern up`, or of whichever node of a lab runs it. */
function stateDirOf(dataDir: string, key: ObjectKey): string {
  const nodes = join(dataDir, 'nodes');
  const places = existsSync(nodes) ? readdirSync(nodes).map((node) => join(nodes, node)) : [join(dataDir, 'agent')];
  const found = places.map((place) => join(place, 'vms')).find((stateDir) => existsSync(consolePath(stateDir, key)));
  if (found !== undefined) return found;
  throw new UserError(
    `no guest ${keyText(key)} runs on a node of ${dataDir}`,
    `See what runs: kubectl get virtualmachineinstances -n ${key.namespace ?? 'default'} -o wide`,
  );
}
