/** The servers of a lab and their etcd, one by one: each asked by itself, whatever is wrong with the others. */
import { join } from 'node:path';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { CommandError } from '../../src/host/process.ts';
import { labStatus } from '../../src/lab/lab.ts';
import { runAt } from '../e2e/lab.ts';

export interface LabServer {
  readonly name: string;
  /** The name of the member beside it, as a process of the lab. */
  readonly etcd: string;
  /** On the LAN, primary family first. */
  readonly addresses: readonly string[];
  /** Reaches this server and no other, past the LAN. */
  readonly client: Client & { close(): void };
  /** Another like {@link client}, with connections of its own. */
  connect(): Client & { close(): void };
}

export async function openServers(dir: string): Promise<readonly LabServer[]> {
  const endpoint = await loadKubeconfig(join(dir, 'kubeconfig'));
  return labStatus(dir)
    .places.filter(({ kind }) => kind === 'server')
    .map(({ name, addresses }) => {
      const connect = () =>
        createClient({ ...endpoint, otherServers: [], socketPath: join(dir, 'run', `${name}.sock`) });
      return { name, etcd: `${name}.etcd`, addresses, client: connect(), connect };
    });
}

/** What a server says at a path that needs no account, such as `/readyz`: status and text. Status 0: it says nothing. */
export async function health(dir: string, { name }: LabServer, path: string): Promise<readonly [number, string]> {
  const argv = ['curl', '-ksS', '--max-time', '10', '-w', '\n%{http_code}', `https://127.0.0.1:6443${path}`];
  const said = await runAt(dir, name, argv).catch((error: unknown) => {
    if (error instanceof CommandError) return error.stdout;
    throw error;
  });
  const lines = said.split('\n');
  return [Number(lines.pop() ?? 0), lines.join('\n')];
}

/** Whose member leads the etcd; undefined while none does. */
export async function etcdLeader(dir: string, servers: readonly LabServer[]): Promise<LabServer | undefined> {
  const leads = await Promise.all(
    servers.map(async ({ name }) =>
      /^etcd_server_is_leader 1$/m.test(
        await runAt(dir, name, ['curl', '-fs', '--max-time', '2', 'http://127.0.0.1:2381/metrics']).catch(() => ''),
      ),
    ),
  );
  return servers[leads.indexOf(true)];
}
