/** The load balancer's controllers alone, against a server that runs without them, as against any Kubernetes API. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { printKubeconfig } from '../../src/client/kubeconfig.ts';
import { startLesserApi } from './lesser-api.ts';
import { startServer, type TestServer } from './server.ts';

let server: TestServer;
let running: ChildProcess | undefined;

before(async () => {
  server = await startServer(['--controllers', '*,-loadbalancer,-metallb,-servicestatus']);
});

after(async () => {
  await end('SIGTERM');
  await server?.stop();
});

/** Starts the controllers and waits until they work. */
async function start(only = 'loadbalancer,metallb,servicestatus', kubeconfig = server.kubeconfig): Promise<void> {
  const args = ['controllers', '--only', only, '--kubeconfig', kubeconfig, '--leader-elect-lease-duration', '2s'];
  running = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.ok(running.stdout);
  const [said] = await once(running.stdout.setEncoding('utf8'), 'data');
  assert.equal(said, 'ready\n');
}

async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (running === undefined || running.exitCode !== null) return;
  const exited = once(running, 'exit');
  running.kill(signal);
  const [code] = await exited;
  if (signal === 'SIGTERM') assert.equal(code, 0);
}

const POOL = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: lan, namespace: metallb-system }
spec: { addresses: [192.0.2.10-192.0.2.29] }`;
const service = (name: string) =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: { type: LoadBalancer, ports: [{ port: 80 }] }`;

/** The load balancer address of each Service. */
async function addresses(): Promise<Readonly<Record<string, string>>> {
  const path =
    '{range .items[?(@.spec.type=="LoadBalancer")]}{.metadata.name} {.status.loadBalancer.ingress[0].ip}{"\\n"}{end}';
  const { stdout } = await server.kubectl(['get', 'services', '-o', `jsonpath=${path}`]);
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(' ')),
  );
}

/** The counters of the pool, as they are written. */
async function poolStatus(): Promise<string> {
  const pool = ['ipaddresspool', 'lan', '-n', 'metallb-system'];
  return (await server.kubectl(['get', ...pool, '-o', 'jsonpath={.status}'])).stdout;
}

const all = async (count: number) => {
  const given = await addresses();
  return Object.values(given).filter(Boolean).length === count ? given : undefined;
};

test('a server without the controller leaves load balancers pending', async () => {
  await server.kubectl(['apply', '-f', '-'], `${POOL}\n---\n${service('first')}`);
  assert.equal((await addresses())['first'], undefined);
});

test('controllers that run alone give addresses, say where from, and count', async () => {
  await start();
  assert.deepEqual(await server.eventually(() => all(1)), { first: '192.0.2.10' });
  const told = await server.kubectl(['get', 'service', 'first', '-o', 'jsonpath={.metadata.annotations}']);
  assert.match(told.stdout, /"metallb.io\/ip-allocated-from-pool":"lan"/);
  await server.eventually(async () => {
    const status = await poolStatus();
    return status.includes('"assignedIPv4":1,') && status.includes('"availableIPv4":19,') ? status : undefined;
  });
  const { stdout: events } = await server.kubectl(['describe', 'service', 'first']);
  assert.match(events, /Normal +IPAllocated .* metallb-controller +Assigned IP \["192\.0\.2\.10"\]/);
});

test('killed in the middle of many, they give the rest, and nobody another', async () => {
  const names = Array.from({ length: 18 }, (_, i) => `many-${i}`);
  const applied = server.kubectl(['apply', '-f', '-'], names.map(service).join('\n---\n'));
  const before = await server.eventually(async () => {
    const given = await addresses();
    return Object.values(given).filter(Boolean).length >= 3 ? given : undefined;
  });
  await end('SIGKILL');
  await applied;
  await start();
  const given = await server.eventually(() => all(19));
  assert.equal(new Set(Object.values(given)).size, 19);
  for (const [name, ip] of Object.entries(before)) if (ip) assert.equal(given[name], ip, name);
});

test('the MetalLB object is heeded and says how things are', async () => {
  const object =
    'apiVersion: metallb.io/v1beta1\nkind: MetalLB\nmetadata: { name: metallb, namespace: metallb-system }\nspec: {}';
  await server.kubectl(['apply', '-f', '-'], object);
  const conditions = await server.eventually(async () => {
    const path = 'jsonpath={.status.conditions[*].type}';
    const { stdout } = await server.kubectl(['get', '-n', 'metallb-system', 'metallb', 'metallb', '-o', path]);
    return stdout || undefined;
  });
  assert.equal(conditions, 'Available Upgradeable Progressing Degraded');
});

/** A kubeconfig for an API without KubeVirt, and without MetalLB's operator; what is asked of it meanwhile. */
async function withoutSome(use: (kubeconfig: string) => Promise<void>): Promise<readonly string[]> {
  await end('SIGTERM');
  const api = await startLesserApi({ kubeconfig: server.kubeconfig, lacks: ['kubevirt.io', 'metallbs.metallb.io'] });
  const kubeconfig = join(server.dir, 'lesser-kubeconfig');
  await writeFile(kubeconfig, printKubeconfig({ endpoint: { server: api.url }, name: 'lesser' }));
  try {
    await use(kubeconfig);
  } finally {
    await end('SIGTERM');
    await api.close();
  }
  return [...api.asked].sort();
}

test('where there are no such kinds they do without, and ask for nothing that the README does not name', async () => {
  const asked = await withoutSome(async (kubeconfig) => {
    await start('loadbalancer', kubeconfig);
    await server.kubectl(['apply', '-f', '-'], service('last'));
    await server.eventually(() => all(20));
    // The counters are the last that it writes.
    await server.eventually(async () => {
      const status = await poolStatus();
      return status.includes('"assignedIPv4":20,') ? status : undefined;
    });
  });
  const election = ['create leases', 'get leases', 'list leases', 'update leases', 'watch leases'];
  assert.deepEqual(
    election.filter((right) => !asked.includes(right)),
    [],
  );
  assert.deepEqual(
    asked.filter((right) => !election.includes(right)),
    [
      'create events',
      'list ipaddresspools',
      'list metallbs',
      'list namespaces',
      'list services',
      'update ipaddresspools/status',
      'update services/status',
      'watch ipaddresspools',
      'watch namespaces',
      'watch services',
    ],
  );
});

test('why a Service does not work is told where there are no virtual machines', async () => {
  await withoutSome(async (kubeconfig) => {
    await start('servicestatus', kubeconfig);
    await server.eventually(async () => {
      const { stdout } = await server.kubectl([
        'get',
        'service',
        'last',
        '-o',
        'jsonpath={.status.conditions[*].type}',
      ]);
      return stdout.includes('postern.dev/EndpointsReady') && stdout.includes('postern.dev/AnnouncerFound')
        ? stdout
        : undefined;
    });
  });
});
