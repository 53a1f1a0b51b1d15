/** The agent's end as a whole: a server that asks as the API server does, and a runtime that streams as containerd does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { after, afterEach, before, test } from 'node:test';
import WebSocket from 'ws';
import { ApiServers } from '../../client/api-servers.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import { type Logger, silentLogger } from '../../host/log.ts';
import { SpdySession, type SpdyStream } from '../../host/spdy/session.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import type { PodLookup } from '../parts.ts';
import { startStreams } from './streams.ts';

const dir = mkdtempSync(join(tmpdir(), 'postern-streams-'));
const ended = new AbortController();
const warnings: string[] = [];
const log: Logger = { ...silentLogger, warn: (_, message) => void warnings.push(message), child: () => log };
/** Stands in for the API server. */
let api: Server;
/** Stands in for the runtime's streaming server. */
let streaming: Server;
/** The request on which the agent waits to be asked. */
let control: { readonly response: ServerResponse; readonly next: Promise<void> };
const given = new Map<string, (socket: Duplex) => void>();
/** What the runtime does with a session. */
let run: (streams: Readonly<Record<string, SpdyStream>>, session: SpdySession) => unknown;

before(async () => {
  api = createServer((_, response) => {
    response.writeHead(200).flushHeaders();
    control = { response, next: awaitControl() };
  });
  api.on('upgrade', ({ url = '' }: IncomingMessage, socket: Duplex) => {
    socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: postern-stream\r\n\r\n');
    given.get(url.split('/').at(-1) ?? '')?.(socket);
  });
  streaming = createServer();
  streaming.on('upgrade', ({ url = '' }: IncomingMessage, socket: Duplex) => {
    socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
    const wanted = Number(new URL(url, 'http://x').searchParams.get('streams'));
    const streams: Record<string, SpdyStream> = {};
    const session: SpdySession = new SpdySession(socket, {
      role: 'server',
      onStream: (stream) => {
        streams[stream.headers['streamtype'] ?? ''] = stream;
        if (Object.keys(streams).length === wanted) run(streams, session);
      },
    });
  });
  for (const server of [api, streaming]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  writeFileSync(join(dir, 'log'), '2026-01-01T00:00:00Z stdout F a line\n');
  const first = awaitControl();
  const servers = new ApiServers({ server: `http://127.0.0.1:${portOf(api)}` });
  startStreams({ servers, nodeName: 'n1', pods, runtime: () => runtime, log, clock }, ended.signal);
  await first;
});
after(() => {
  ended.abort();
  for (const server of [api, streaming]) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(dir, { recursive: true });
});
const sockets: Duplex[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Waits for nothing: who comes back too soon is seen by what it is answered. */
const clock: Clock = { ...systemClock, sleep: () => new Promise((resolve) => setImmediate(resolve)) };

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Resolves when an agent has come to be asked. */
function awaitControl(): Promise<void> {
  return new Promise((resolve) => {
    api.once('request', () => setImmediate(resolve));
  });
}

const found = { containerID: 'c1', state: 'RUNNING', restartCount: 0, logPath: join(dir, 'log') } as const;
const pods: PodLookup = {
  pod: () => ({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'ns', name: 'web', uid: 'u1' } }),
  container: async () => found,
  sandbox: async () => ({ id: 's1' }),
};
const urlOf = (streams: number): string => `http://127.0.0.1:${portOf(streaming)}/token?streams=${streams}`;
const runtime = {
  exec: async ({ stdin, stdout, stderr, tty }: Readonly<Record<string, boolean>>) =>
    urlOf(1 + [stdin, stdout, stderr, tty].filter(Boolean).length),
  portForward: async () => urlOf(2),
} as unknown as ContainerRuntime;

/** A connection of the agent's, as the API server gets one. */
async function connection(id: string): Promise<Duplex> {
  const arrived = new Promise<Duplex>((resolve) => given.set(id, resolve));
  control.response.write(`\n${JSON.stringify({ id })}\n`);
  const socket = await arrived;
  sockets.push(socket.on('error', () => {}));
  return socket;
}

interface Conversation {
  readonly client: WebSocket;
  /** Every message until the end, as channel and text, and the code of the end. */
  readonly heard: Promise<readonly string[]>;
}

async function open(path: string, protocol: string): Promise<Conversation> {
  const socket = await connection(`ws-${Math.random()}`);
  const client = new WebSocket(`ws://node${path}`, [protocol], { createConnection: () => socket as never });
  const messages: string[] = [];
  client.on('message', (data: Buffer) => messages.push(`${data[0]}:${data.subarray(1)}`));
  const heard = new Promise<readonly string[]>((resolve) => {
    client.once('close', (code) => resolve([...messages, `closed ${code}`]));
  });
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject));
  return { client, heard };
}

const EXEC = '/exec/ns/web/u1/c?command=sh&input=1&output=1&error=1';
const V5 = 'v5.channel.k8s.io';

async function readLog(id: string): Promise<string> {
  const socket = await connection(id);
  return await new Promise<string>((resolve) => {
    const request = httpRequest({ createConnection: () => socket, path: '/containerLogs/ns/web/c?tailLines=1' });
    request.once('response', async (response) => {
      let all = '';
      for await (const chunk of response) all += String(chunk);
      resolve(all);
    });
    request.end();
  });
}

test('an agent that is asked opens a connection, and serves a log on it', async () => {
  assert.equal(await readLog('log'), 'a line\n');
});

test('a client that has seen enough of a log is no trouble worth a warning', async () => {
  const socket = await connection('follow');
  await new Promise<void>((resolve) => {
    const path = '/containerLogs/ns/web/c?follow=true';
    const request = httpRequest({ createConnection: () => socket, path }, (response) => {
      response.once('data', resolve).on('error', () => {});
    });
    request.end();
  });
  const closed = once(socket, 'close');
  socket.destroy();
  await closed;
  // What its end causes has come about when another has been served.
  await readLog('after');
  assert.deepEqual(warnings, []);
});

test('an agent whose server goes away comes back, and is not led astray by what it does not know', async () => {
  const { next, response } = control;
  response.write('"text"\n{"other":1}\n{"id":5}\n');
  response.end();
  await next;
  const socket = await connection('again');
  assert.ok(!socket.destroyed);
});

test('channels and streams are joined one to one; the status comes last, and the end of input is told', async () => {
  run = async ({ stdin, stdout, stderr, error }) => {
    let typed = '';
    for await (const chunk of stdin ?? []) typed += String(chunk);
    stdout?.end(`got ${typed}`);
    stderr?.end('warned');
    error?.end('{"status":"Success"}');
  };
  const { client, heard } = await open(EXEC, V5);
  client.send(Buffer.from('\0one '));
  client.send(Buffer.from('\0two'));
  client.send(Buffer.from([255, 0]));
  const all = await heard;
  assert.deepEqual([...all].sort(), ['1:', '1:got one two', '2:warned', '3:{"status":"Success"}', 'closed 1000']);
});

test('a client that goes away ends what was opened for it', async () => {
  const over = new Promise<void>((resolve) => {
    run = (_, session) => void session.closed.then(resolve);
  });
  (await open(EXEC, V5)).client.terminate();
  await over;
});

test('a runtime that ends without a status is told of', async () => {
  run = (_, session) => session.destroy();
  const all = await (await open(EXEC, 'v4.channel.k8s.io')).heard;
  assert.match(all.at(-2) ?? '', /^3:.*"status":"Failure".*has not said how the command ended/);
});

test('input is taken no faster than the command takes it, and messages that are too long end the connection', async () => {
  let stdin: SpdyStream | undefined;
  const begun = new Promise<void>((resolve) => {
    run = (streams) => {
      stdin = streams['stdin'];
      resolve();
    };
  });
  const { client } = await open(EXEC, V5);
  await begun;
  const message = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 64; i++) client.send(message);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(client.bufferedAmount > 40 * 1024 * 1024, `${client.bufferedAmount}`);
  assert.ok(stdin !== undefined && stdin.readableLength < 256 * 1024);
  client.terminate();

  const other = await open(EXEC, V5);
  other.client.send(Buffer.alloc(5 * 1024 * 1024));
  assert.match((await other.heard).at(-1) ?? '', /^closed 10(06|09)$/);
});

test('a command that has ended, of which the runtime is stuck with the input, is told of as such', async () => {
  run = ({ stdout, stderr }) => {
    stdout?.end('xxx');
    stderr?.end();
  };
  const { client, heard } = await open(EXEC, V5);
  for (let i = 0; i < 16; i++) client.send(Buffer.alloc(1024 * 1024));
  const all = await heard;
  assert.deepEqual([all.includes('1:xxx'), all.at(-1)], [true, 'closed 1000']);
  assert.match(all.at(-2) ?? '', /^3:.*has not said how the command ended/);
});

test('ports are forwarded under the name that kubectl gives the protocol, which WebSocket itself would not allow', async () => {
  const protocol = 'SPDY/3.1+portforward.k8s.io';
  const key = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' };
  const headers = { connection: 'Upgrade', upgrade: 'websocket', ...key, 'sec-websocket-protocol': protocol };
  const socket = await connection('forward');
  const answer = await new Promise<IncomingMessage>((resolve) => {
    const request = httpRequest({ createConnection: () => socket, path: '/portForward/ns/web/u1', headers });
    request.once('upgrade', resolve).once('response', resolve).end();
  });
  // The answer to this very key in RFC 6455 section 1.3.
  assert.equal(answer.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.equal(answer.headers['sec-websocket-protocol'], protocol);
});

test('protocols that are not spoken are refused with those that are', async () => {
  await assert.rejects(open(EXEC, 'base64.channel.k8s.io'), /400/);
  await assert.rejects(open('/portForward/ns/web/u1', V5), /400/);
  await assert.rejects(open('/nothing', V5), /404/);
});
