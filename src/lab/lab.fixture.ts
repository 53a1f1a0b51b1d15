/** A lab whose server and agents are as small as can be: what `lab.test.ts` brings up. Run as `run`, `server` and `up`. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createLogger } from '../host/log.ts';
import type { LabCommands } from './options.ts';
import { labRun } from './run.ts';
import { labUp } from './up.ts';

/** Stands in for the agent: a bridge with an address, so that it can be seen from outside. */
const AGENT =
  'ip link add postern0 type bridge; ip address add 10.244.7.1/24 dev postern0; echo ready; exec sleep infinity';
/** An agent that never manages to start. */
const BROKEN_AGENT = 'echo "no such device: the agent’s own words" >&2; exit 3';

/** An agent that starts and is never ready. */
const SLOW_AGENT = 'exec sleep infinity';

const AGENTS = { working: AGENT, broken: BROKEN_AGENT, slow: SLOW_AGENT } as const;
type Variant = keyof typeof AGENTS;

export function fixtureCommands(variant: Variant = 'working'): LabCommands {
  const self = [process.execPath, import.meta.filename];
  return {
    run: (dir) => [...self, 'run', dir, variant],
    server: ({ dataDir, listen, socketPath }) => [...self, 'server', dataDir, listen, socketPath],
    token: async ({ role }) => `a token for a ${role}`,
    kubeconfig: async ({ to, servers }) => writeFileSync(to, `a kubeconfig for ${servers.join(', ')}\n`),
    objectsDir: (dataDir) => join(dataDir, 'store'),
    agent: () => ['sh', '-c', AGENTS[variant]],
    sandboxImage: () => Promise.reject(new Error('no node of this lab runs containers')),
  };
}

/** Answers every request with `served`, on TCP and on a unix socket. */
function serve(dataDir: string, listen: string, socketPath: string): void {
  const answer = () => createServer((_, response) => response.end('served\n'));
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(join(dataDir, 'kubeconfig'), 'a kubeconfig\n');
  rmSync(socketPath, { force: true });
  answer().listen(socketPath);
  const [, host, port] = /^(.*):(\d+)$/.exec(listen) ?? [];
  const server = answer().listen(Number(port), host?.replace(/[[\]]/g, ''), () => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    process.stdout.write(`ready http://127.0.0.1:${address.port}\n`);
  });
}

if (import.meta.main) {
  const [what = '', first = '', second = '', third = ''] = process.argv.slice(2);
  if (what === 'server') serve(first, second, third);
  if (what === 'up') {
    const options = { dir: first, nodes: 1, ipFamilies: ['IPv4'], commands: fixtureCommands('slow') } as const;
    await labUp(options, (text) => process.stdout.write(`${text}\n`));
  }
  if (what === 'run') {
    const end = new AbortController();
    process.once('SIGTERM', () => end.abort());
    const [dir, variant] = [first, second as Variant];
    await labRun({ dir, commands: fixtureCommands(variant), log: createLogger('lab') }, end.signal).catch(
      (error: Error) => {
        process.stderr.write(`${error.stack}\n`);
        process.exitCode = 1;
      },
    );
  }
}
