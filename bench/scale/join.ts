/** How long a machine takes to become a node that is Ready, from the start of the program with nothing but a token. */
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../src/host/process.ts';
import { type Measured, median } from '../harness.ts';

const MACHINE = fileURLToPath(new URL('join.machine.ts', import.meta.url));
const APART = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

export async function measureJoin(): Promise<Measured> {
  if (process.getuid?.() !== 0) {
    console.log('joining needs root, for a network namespace and an agent in it');
    return { rows: [], figures: [] };
  }
  const { stdout } = await runCommand([...APART, process.execPath, MACHINE], { timeout: 120_000 });
  const samples = JSON.parse(stdout) as number[];
  return {
    rows: [{ what: 'a node joins, until Ready', unit: 'ms', samples }],
    figures: [{ name: 'join-to-ready', value: median(samples), unit: 'ms', goal: 5000 }],
  };
}
