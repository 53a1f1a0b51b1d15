/** `postern dns` alone, beside a server, as in any Kubernetes cluster in place of CoreDNS. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { printKubeconfig } from '../../src/client/kubeconfig.ts';
import { CommandError, runCommand } from '../../src/host/process.ts';
import { startLesserApi } from './lesser-api.ts';
import { startServer, type TestServer } from './server.ts';

let server: TestServer;
const started: ChildProcess[] = [];

before(async () => {
  server = await startServer();
});

after(async () => {
  for (const child of started) child.kill('SIGKILL');
  await server?.stop();
});

interface LoneDNS {
  readonly child: ChildProcess;
  readonly resolver: Resolver;
}

/** Starts it where nobody else listens, and waits for its records. */
async function startDNS(flags: readonly string[] = [], kubeconfig = server.kubeconfig): Promise<LoneDNS> {
  const argv = ['dns', '--kubeconfig', kubeconfig, '--listen', '127.0.0.1:0', ...flags];
  const child = spawn(PROGRAM, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  const line = await firstLine(child);
  const at = /^ready (127\.0\.0\.1:\d+)$/.exec(line)?.[1];
  assert.ok(at, line);
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  resolver.setServers([at]);
  return { child, resolver };
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  assert.ok(stdout);
  const [line] = await once(createInterface({ input: stdout }), 'line');
  return String(line);
}

const WEB = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.77, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { clusterIP: None, ports: [{ port: 5432 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db-1, labels: { kubernetes.io/service-name: db } }
addressType: IPv4
ports: [{ port: 5432, name: "" }]
endpoints: [{ addresses: [10.244.1.5], hostname: db-0 }]`;

test('names of Services are answered, also of ones that are made later', async () => {
  await server.kubectl(['apply', '-f', '-'], WEB);
  const { resolver, child } = await startDNS();
  assert.deepEqual(await resolver.resolve4('web.default.svc.cluster.local'), ['10.96.0.77']);
  assert.deepEqual(await resolver.resolve4('db-0.db.default.svc.cluster.local'), ['10.244.1.5']);
  const [srv] = await resolver.resolveSrv('_http._tcp.web.default.svc.cluster.local');
  assert.equal(srv?.port, 80);
  await server.kubectl(['create', 'service', 'clusterip', 'late', '--clusterip=10.96.0.78', '--tcp=80']);
  await server.eventually(() => resolver.resolve4('late.default.svc.cluster.local').catch(() => undefined));
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});

test('another zone, another upstream, and only some who may ask it', async () => {
  const upstream = createSocket('udp4');
  upstream.bind(0, '127.0.0.1');
  await once(upstream, 'listening');
  const asked = new Promise<string>((resolve) =>
    upstream.once('message', (message) => resolve(message.toString('latin1'))),
  );
  const at = `127.0.0.1:${upstream.address().port}`;
  try {
    const open = await startDNS(['--cluster-domain', 'example.test', '--upstream', at]);
    assert.deepEqual(await open.resolver.resolve4('web.default.svc.example.test'), ['10.96.0.77']);
    const answer = open.resolver.resolve4('elsewhere.invalid').catch(() => undefined);
    assert.match(await asked, /elsewhere.invalid/);
    open.resolver.cancel();
    await answer;
    const closed = await startDNS(['--clients', '192.0.2.0/24', '--upstream', at, '--metrics', 'none']);
    await assert.rejects(closed.resolver.resolve4('elsewhere.invalid'), { code: 'EREFUSED' });
    assert.deepEqual(await closed.resolver.resolve4('web.default.svc.cluster.local'), ['10.96.0.77']);
  } finally {
    upstream.close();
  }
});

test('it tells that it lives, that it is ready, and what it counted', async () => {
  const probe = createSocket('udp4');
  probe.bind(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  const { resolver } = await startDNS(['--metrics', `127.0.0.1:${port}`]);
  await resolver.resolve4('web.default.svc.cluster.local');
  const get = (path: string) =>
    new Promise<string>((resolve, reject) => {
      request({ host: '127.0.0.1', port, path }, (response) => {
        let body = `${response.statusCode} `;
        response.setEncoding('utf8').on('data', (text) => {
          body += text;
        });
        response.on('end', () => resolve(body));
      })
        .on('error', reject)
        .end();
    });
  await server.eventually(() => get('/livez').catch(() => undefined));
  assert.equal(await get('/readyz'), '200 ok\n');
  assert.match(await get('/metrics'), /^postern_dns_responses_total\{rcode="NOERROR"\} 1$/m);
});

test('it reads Services and EndpointSlices, and asks for nothing else', async () => {
  const api = await startLesserApi({ kubeconfig: server.kubeconfig, lacks: ['kubevirt.io', 'metallb.io'] });
  try {
    const kubeconfig = join(server.dir, 'lesser-kubeconfig');
    await writeFile(kubeconfig, printKubeconfig({ endpoint: { server: api.url }, name: 'lesser' }));
    const { child } = await startDNS(['--metrics', 'none'], kubeconfig);
    await server.eventually(async () => (api.asked.size >= 4 ? true : undefined));
    assert.deepEqual([...api.asked].sort(), [
      'list endpointslices',
      'list services',
      'watch endpointslices',
      'watch services',
    ]);
    child.kill('SIGKILL');
    await once(child, 'exit');
  } finally {
    await api.close();
  }
});

test('an address that it cannot have is told with what to do', async () => {
  const taken = createSocket('udp4');
  taken.bind(0, '127.0.0.1');
  await once(taken, 'listening');
  const argv = ['dns', '--kubeconfig', server.kubeconfig, '--listen', `127.0.0.1:${taken.address().port}`];
  const error = await runCommand([PROGRAM, ...argv]).catch((thrown: unknown) => thrown);
  taken.close();
  assert(error instanceof CommandError);
  assert.match(error.stderr, /the port is in use.*\n {2}Say where with --listen/);
  const wrong = await runCommand([PROGRAM, 'dns', '--listen', 'localhost:53']).catch((thrown: unknown) => thrown);
  assert(wrong instanceof CommandError);
  assert.match(wrong.stderr, /"localhost" is not an IP address/);
});
