/** What a client of the API on the LAN experiences, which knows all servers. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { LAB_COMMANDS } from '../../src/cli/wiring/lab.ts';
import { NAMESPACE } from '../e2e/l2/objects.ts';
import type { World } from './world.ts';

export interface ApiRequests {
  /** Sends no more. Resolves to how many there were and what went wrong. */
  stop(): Promise<{ readonly asked: number; readonly failed: readonly string[] }>;
}

/** Starts to read a Service of the world by way of the LAN, until it is stopped. */
export async function askTheApi(world: World): Promise<ApiRequests> {
  const kubeconfig = join(world.dir, 'client.kubeconfig');
  const servers = world.servers.map(({ addresses: [address] }) => `https://${address}:6443`);
  await LAB_COMMANDS.kubeconfig({ from: join(world.dir, 'kubeconfig'), to: kubeconfig, servers });
  const program = fileURLToPath(new URL('api-requests.program.ts', import.meta.url));
  const child: ChildProcess = world.lan.start('client', [process.execPath, program, kubeconfig, NAMESPACE, 'web']);
  if (child.stdout === null) throw new Error('the requests have no output');
  const lines: string[] = [];
  const closed = once(child, 'close');
  const output = createInterface({ input: child.stdout });
  await once(output, 'line');
  output.on('line', (line) => lines.push(line));
  return {
    async stop() {
      child.stdin?.end();
      await closed;
      const asked = Number(/^asked (\d+)$/.exec(lines.at(-1) ?? '')?.[1] ?? 0);
      return { asked, failed: lines.slice(0, -1) };
    },
  };
}
