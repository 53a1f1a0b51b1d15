import assert from 'node:assert/strict';
import { KeyObject, webcrypto } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container, Probe } from '../../api/core/v1/pod-spec.ts';
import { FakeClock } from '../../host/clock.ts';
import { x509 } from '../../host/x509.ts';
import { type ContainerRuntime, CRIError } from '../cri/cri.ts';
import type { RunningContainer } from '../parts.ts';
import { attemptWith } from './attempt.ts';
import { newLifecycleHooks } from './hooks.ts';
import { get, targetOf } from './http.ts';

type ExecSync = ContainerRuntime['execSync'];

const noExec: ExecSync = () => assert.fail('no command is to be run');
const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns', uid: 'u1' } };

function running(container: Partial<Container> = {}, podIP = '127.0.0.1'): RunningContainer {
  return { pod, container: { name: 'c', ...container }, containerID: 'id', podIPs: [podIP], startedAt: 0 };
}

function ran(exitCode: number, stdout = '', stderr = ''): ExecSync {
  return async () => ({ exitCode, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) });
}

function attempt(probe: Probe, options: { execSync?: ExecSync; timeout?: number; of?: RunningContainer } = {}) {
  const { execSync = noExec, timeout = 1000, of = running() } = options;
  return attemptWith({ execSync })(probe, of, timeout, new AbortController().signal);
}

/** Listens at a port of the loopback that the system chooses. */
async function listening<T extends TcpServer>(server: T, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

describe('a probe over HTTP', () => {
  let server: Server;
  let port = 0;
  const seen: { url: string | undefined; headers: NodeJS.Dict<string | string[]> }[] = [];
  const answer: RequestListener = (request, response) => {
    seen.push({ url: request.url, headers: request.headers });
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    const redirects: Readonly<Record<string, string>> = {
      '/here': '/ok?moved',
      '/elsewhere': 'http://192.0.2.1/ok',
      '/round': '/round',
    };
    const location = redirects[pathname];
    if (location !== undefined) response.writeHead(302, { location }).end('moved');
    else if (pathname === '/endless') response.writeHead(200).write(Buffer.alloc(64 * 1024));
    else if (pathname === '/silent') return;
    else response.writeHead(pathname === '/ok' ? 200 : 503).end();
  };

  before(async () => {
    server = createServer(answer);
    port = await listening(server);
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('passes with an answer from 200 to 399, follows redirects to the same host, and reads no endless answer', async () => {
    const get = (path: string) => attempt({ httpGet: { path, port } });
    assert.deepEqual(await get('/ok'), { kind: 'success' });
    assert.deepEqual(await get('/here'), { kind: 'success' });
    assert.equal(seen.at(-1)?.url, '/ok?moved');
    assert.deepEqual(await get('/endless'), { kind: 'success' });
    assert.deepEqual(await get('/elsewhere'), {
      kind: 'warning',
      message: 'Probe terminated redirects, Response body: moved',
    });
  });

  it('fails otherwise, and says how in words of the kubelet', async () => {
    const get = (path: string, timeout = 1000) => attempt({ httpGet: { path, port } }, { timeout });
    assert.deepEqual(await get('/no'), { kind: 'failure', message: 'HTTP probe failed with statuscode: 503' });
    assert.deepEqual(await get('/round'), {
      kind: 'failure',
      message: `Get "http://127.0.0.1:${port}/round": stopped after 10 redirects`,
    });
    assert.deepEqual(await get('/silent', 50), {
      kind: 'failure',
      message: `Get "http://127.0.0.1:${port}/silent": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    });
  });

  it('names a port by name, and sends the headers that are asked for', async () => {
    const httpHeaders = [
      { name: 'Host', value: 'shop.example' },
      { name: 'X-A', value: '1' },
      { name: 'Accept', value: '' },
    ];
    const of = running({ ports: [{ name: 'web', containerPort: port }] });
    assert.deepEqual(await attempt({ httpGet: { path: '/ok', port: 'web', httpHeaders } }, { of }), {
      kind: 'success',
    });
    const { headers } = seen.at(-1) ?? assert.fail();
    assert.deepEqual([headers['host'], headers['x-a'], headers['accept']], ['shop.example', '1', undefined]);
    assert.equal(headers['user-agent'], 'kube-probe/1.34');
    assert.deepEqual(await attempt({ httpGet: { port: 'none' } }), {
      kind: 'error',
      message: "couldn't find port: none in container ports",
    });
  });

  it('does not look at certificates', async (t) => {
    const { X509CertificateGenerator } = await x509();
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: 'CN=nobody',
      keys,
      signingAlgorithm: algorithm,
    });
    const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
    const secure = createSecureServer({ key, cert: certificate.toString('pem') }, answer);
    t.after(() => secure.close());
    const httpGet = { path: '/ok', port: await listening(secure), scheme: 'HTTPS' };
    assert.deepEqual(await attempt({ httpGet }), { kind: 'success' });
  });

  it('stays with the host and port that were given, whatever the path is', () => {
    const url = (path: string, host = '10.0.0.1') => targetOf({ path, port: 80 }, host, 8080).url.href;
    assert.equal(url('//evil.example/x'), 'http://10.0.0.1:8080//evil.example/x');
    assert.equal(url('/a b?c=d e', 'fd00::2'), 'http://[fd00::2]:8080/a%20b?c=d%20e');
  });

  it('tells what a header is that cannot be sent', async () => {
    const httpHeaders = [{ name: 'X', value: 'a\nb' }];
    const result = await attempt({ httpGet: { path: '/ok', port, httpHeaders } });
    assert.equal(result.kind, 'failure');
  });
});

describe('a probe of a connection', () => {
  it('passes when there is one', async () => {
    const server = createTcpServer((socket) => socket.destroy());
    const port = await listening(server);
    assert.deepEqual(await attempt({ tcpSocket: { port } }), { kind: 'success' });
    await new Promise((resolve) => server.close(resolve));
    assert.deepEqual(await attempt({ tcpSocket: { port } }), {
      kind: 'failure',
      message: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
    assert.deepEqual(await attempt({ httpGet: { port } }), {
      kind: 'failure',
      message: `Get "http://127.0.0.1:${port}/": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
  });
});

it('tells the port of a request, also the one that its scheme stands for', async () => {
  const told = [];
  for (const [scheme, port] of [
    ['HTTP', 80],
    ['HTTPS', 443],
  ] as const) {
    told.push(await get(targetOf({ scheme, port, path: '/a?b' }, '192.0.2.1', port), 1000, AbortSignal.abort()));
  }
  assert.deepEqual(told, [
    { kind: 'failed', message: 'Get "http://192.0.2.1:80/a?b": context canceled' },
    { kind: 'failed', message: 'Get "https://192.0.2.1:443/a?b": context canceled' },
  ]);
});

describe('a probe by a command', () => {
  const probe: Probe = { exec: { command: ['sh', '-c', 'x'] } };

  it('passes when it exits with 0; else what it printed says why', async () => {
    assert.deepEqual(await attempt(probe, { execSync: ran(0, 'fine') }), { kind: 'success' });
    assert.deepEqual(await attempt(probe, { execSync: ran(3, 'out', 'err') }), { kind: 'failure', message: 'outerr' });
  });

  it('tells a command that takes too long from a runtime that cannot run it', async () => {
    const failing = (code: 'deadline-exceeded' | 'unknown', message: string): ExecSync => {
      return () => Promise.reject(new CRIError('ExecSync', code, message));
    };
    assert.deepEqual(await attempt(probe, { execSync: failing('deadline-exceeded', '') }), {
      kind: 'failure',
      message: 'command timed out: "sh -c x" timed out after 1s',
    });
    const result = await attempt(probe, { execSync: failing('unknown', 'no such file') });
    assert.deepEqual(result, { kind: 'error', message: 'no such file' });
  });
});

describe('a probe over gRPC', () => {
  it('passes when the service says that it serves', async (t) => {
    const { Server, ServerCredentials, status } = await import('@grpc/grpc-js');
    const server = new Server();
    t.after(() => server.forceShutdown());
    const states: Readonly<Record<string, number>> = { '': 1, sick: 2 };
    server.addService(
      {
        check: {
          path: '/grpc.health.v1.Health/Check',
          requestStream: false,
          responseStream: false,
          requestSerialize: () => Buffer.alloc(0),
          requestDeserialize: (bytes: Buffer) => ({ service: bytes.subarray(2).toString() }),
          responseSerialize: (state: number) => Buffer.from([8, state]),
          responseDeserialize: (bytes: Buffer) => bytes[1] ?? 0,
        },
      },
      {
        check: (call: ServerUnaryCall<{ service: string }, number>, reply: sendUnaryData<number>) => {
          const state = states[call.request.service];
          if (state === undefined) reply({ code: status.NOT_FOUND, details: 'unknown service' });
          else reply(null, state);
        },
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    assert.deepEqual(await attempt({ grpc: { port } }), { kind: 'success' });
    assert.deepEqual(await attempt({ grpc: { port, service: 'sick' } }), {
      kind: 'failure',
      message: 'service unhealthy (responded with "NOT_SERVING")',
    });
    assert.deepEqual(await attempt({ grpc: { port, service: 'none' } }), {
      kind: 'failure',
      message: 'error: health rpc probe failed: unknown service',
    });
    server.forceShutdown();
    const refused = await attempt({ grpc: { port } });
    assert.match(
      refused.kind === 'failure' ? refused.message : '',
      /^error: failed to connect service "127.0.0.1:\d+" within .*ECONNREFUSED 127.0.0.1:\d+$/,
    );
  });
});

describe('a handler of the life cycle', () => {
  const never = new AbortController().signal;

  it('runs a command, and says how it failed', async () => {
    const hook = { exec: { command: ['stop', 'it'] } };
    assert.deepEqual(await newLifecycleHooks({ runtime: { execSync: ran(0) } }).run(hook, running(), never), {
      kind: 'done',
    });
    assert.deepEqual(await newLifecycleHooks({ runtime: { execSync: ran(2, 'a', 'b') } }).run(hook, running(), never), {
      kind: 'failed',
      message:
        'Exec lifecycle hook ([stop it]) for Container "c" in Pod "p_ns(u1)" failed - error: ' +
        `command 'stop it' exited with 2: b, message: "ab"`,
    });
  });

  it('asks over HTTP, where any answer will do', async () => {
    const server = createServer((_, response) => response.writeHead(500).end());
    const port = await listening(server);
    const hooks = newLifecycleHooks({ runtime: { execSync: noExec } });
    const hook = { httpGet: { path: '/bye', port } };
    assert.deepEqual(await hooks.run(hook, running(), never), { kind: 'done' });
    await new Promise((resolve) => server.close(resolve));
    const outcome = await hooks.run(hook, running(), never);
    assert.match(
      outcome.kind === 'failed' ? outcome.message : '',
      /^HTTP lifecycle hook \(\/bye\) .* connection refused$/,
    );
  });

  it('waits, and ends early when it is told to', async () => {
    const clock = new FakeClock();
    const hooks = newLifecycleHooks({ runtime: { execSync: () => new Promise(() => {}) }, clock });
    const done = hooks.run({ sleep: { seconds: 5 } }, running(), never);
    await clock.advance(5000);
    assert.deepEqual(await done, { kind: 'done' });
    for (const hook of [{ sleep: { seconds: 5 } }, { exec: { command: ['sleep'] } }]) {
      const ended = new AbortController();
      const outcome = hooks.run(hook, running(), ended.signal);
      ended.abort();
      assert.equal((await outcome).kind, 'failed');
    }
    const outcome = await hooks.run({ tcpSocket: { port: 80 } }, running(), never);
    assert.match(outcome.kind === 'failed' ? outcome.message : '', /^Cannot run handler/);
  });
});
