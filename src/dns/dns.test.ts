import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { decode, encode } from 'dns-packet';
import { Service } from '../api/core/v1/service.ts';
import { fakeClient } from '../client/fake.ts';
import { silentLogger } from '../host/log.ts';
import { type DNS, startDNS } from './dns.ts';
import { service, slice } from './testing.ts';

const run = promisify(execFile);
const hasDig = await run('dig', ['-v']).then(
  () => true,
  () => false,
);
const skip = hasDig ? false : 'dig is not installed (Debian package bind9-dnsutils)';

const many = Array.from({ length: 90 }, (_, i) => ({ addresses: [`10.244.1.${i + 1}`] }));
const client = fakeClient([
  service('web', { clusterIPs: ['10.96.0.10', 'fd00:10:96::a'], ports: [{ name: 'http', port: 80 }] }),
  service('big', { clusterIPs: ['None'] }),
  service('ext', { type: 'ExternalName', externalName: 'www.example.test' }),
  slice('big', { endpoints: many }),
]);

const ended = new AbortController();
let dns: DNS;
let port: number;
let upstreamQueries = 0;

before(async () => {
  const upstream = await exampleUpstream(ended.signal);
  dns = await startDNS(
    {
      client,
      listen: [{ address: '127.0.0.1', port: 0 }],
      clusterDomain: 'cluster.local',
      upstream: [`127.0.0.1:${upstream}`],
      log: silentLogger,
    },
    ended.signal,
  );
  await dns.synced;
  port = dns.addresses()[0]?.port ?? 0;
});
after(() => ended.abort());

/** A server that knows www.example.test, and sends a forged answer ahead of every true one. */
async function exampleUpstream(signal: AbortSignal): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (message, { port, address }) => {
    upstreamQueries++;
    const query = decode(message);
    const name = query.questions?.[0]?.name ?? '';
    const answer = (id: number, data: string) =>
      encode({
        type: 'response',
        id,
        flags: 0x180,
        questions: query.questions ?? [],
        answers: [{ type: 'A', name, ttl: 60, data }],
      });
    const id = query.id ?? 0;
    socket.send(answer((id + 1) & 0xffff, '203.0.113.66'), port, address);
    socket.send(answer(id, '192.0.2.7'), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  signal.addEventListener('abort', () => socket.close());
  return socket.address().port;
}

async function dig(...args: string[]): Promise<string> {
  const { stdout } = await run('dig', ['@127.0.0.1', '-p', String(port), '+tries=1', '+time=3', ...args]);
  return stdout;
}

test('dig gets the cluster IPs of both families', { skip }, async () => {
  assert.equal((await dig('+short', 'web.ns.svc.cluster.local', 'A')).trim(), '10.96.0.10');
  assert.equal((await dig('+short', 'WEB.ns.SVC.cluster.local', 'AAAA')).trim(), 'fd00:10:96::a');
  assert.equal((await dig('+short', '-x', '10.96.0.10')).trim(), 'web.ns.svc.cluster.local.');
  assert.match(await dig('_http._tcp.web.ns.svc.cluster.local', 'SRV'), /IN\s+SRV\s+0 100 80 web\.ns/);
  assert.match(await dig('+short', 'dns-version.cluster.local', 'TXT'), /"1\.1\.0"/);
});

test('dig sees the flags and sections that a resolver needs', { skip }, async () => {
  const found = await dig('web.ns.svc.cluster.local', 'A');
  assert.match(found, /status: NOERROR/);
  assert.match(found, /flags: qr aa rd ra;/);
  assert.match(found, /EDNS: version: 0, flags:; udp: 1232/);
  assert.doesNotMatch(found, /malformed|extra bytes|recursion/i);
});

test('a name that a search list made up gets NXDOMAIN at once, without asking anyone', { skip }, async () => {
  const before = upstreamQueries;
  const found = await dig('web.ns.svc.cluster.local.ns.svc.cluster.local', 'A');
  assert.match(found, /status: NXDOMAIN/);
  assert.match(found, /AUTHORITY SECTION:\ncluster\.local\.\s+5\s+IN\s+SOA/);
  assert.equal(upstreamQueries, before);
});

test('a long answer is truncated over UDP and whole over TCP', { skip }, async () => {
  assert.match(await dig('+ignore', '+noedns', 'big.ns.svc.cluster.local'), /flags: qr aa tc rd ra;/);
  const whole = await dig('+short', '+noedns', 'big.ns.svc.cluster.local');
  assert.equal(whole.trim().split('\n').length, many.length);
});

test('other names are forwarded, and a forged answer is not believed', { skip }, async () => {
  assert.equal((await dig('+short', 'www.example.test')).trim(), '192.0.2.7');
});

test('an ExternalName is answered with the addresses that it leads to', { skip }, async () => {
  assert.equal((await dig('+short', 'ext.ns.svc.cluster.local')).trim(), 'www.example.test.\n192.0.2.7');
});

test('a Service is known as soon as it is made, and unknown as soon as it is deleted', { skip }, async () => {
  client.seed(service('late', { clusterIPs: ['10.96.0.77'] }));
  assert.equal((await dig('+short', 'late.ns.svc.cluster.local')).trim(), '10.96.0.77');
  client.remove(Service, { namespace: 'ns', name: 'late' });
  assert.match(await dig('late.ns.svc.cluster.local'), /status: NXDOMAIN/);
});

test('what we do not do is refused by name', { skip }, async () => {
  assert.match(await dig('cluster.local', 'AXFR'), /Transfer failed|REFUSED/);
  assert.match(await dig('-c', 'CH', 'version.bind', 'TXT'), /status: REFUSED/);
  assert.match(await dig('+opcode=NOTIFY', 'cluster.local', 'SOA'), /status: NOTIMP/);
  assert.match(await dig('+edns=1', '+noednsnegotiation', 'web.ns.svc.cluster.local'), /status: BADVERS/);
  assert.match(await dig('+norecurse', 'www.example.test'), /status: REFUSED/);
});

test('garbage is answered with FORMERR, and answers are not answered', async () => {
  const socket = createSocket('udp4');
  const heard: number[] = [];
  socket.on('message', (message) => heard.push(message.readUInt16BE(0)));
  socket.send(Buffer.from('0001800000010000000000000000010001', 'hex'), port, '127.0.0.1'); // A response.
  socket.send(Buffer.from('000201000001000000000000c00c00010001', 'hex'), port, '127.0.0.1'); // A pointer to itself.
  socket.send(Buffer.from('00', 'hex'), port, '127.0.0.1');
  await once(socket, 'message');
  socket.close();
  assert.deepEqual(heard, [2]);
});

test('many questions on one TCP connection are all answered', async () => {
  const socket = connect(port, '127.0.0.1');
  const count = 100;
  const question = (id: number) => {
    const message = encode({ type: 'query', id, questions: [{ type: 'A', name: 'web.ns.svc.cluster.local' }] });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    return Buffer.concat([length, message]);
  };
  socket.write(Buffer.concat(Array.from({ length: count }, (_, id) => question(id))));
  const ids = new Set<number>();
  let rest = Buffer.alloc(0);
  for await (const chunk of socket) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      ids.add(rest.readUInt16BE(2));
      rest = rest.subarray(2 + rest.readUInt16BE(0));
    }
    if (ids.size === count) break;
  }
  assert.equal(ids.size, count);
});

test('a port that is taken is named, with what to do', async () => {
  const ended = new AbortController();
  const options = { client, clusterDomain: 'cluster.local', upstream: [], log: silentLogger };
  await assert.rejects(
    startDNS({ ...options, listen: [{ address: '127.0.0.1', port }] }, ended.signal),
    /cannot serve DNS on 127\.0\.0\.1 port \d+: the port is in use/,
  );
  ended.abort();
});

test('until the records are there, an unknown name gets SERVFAIL, not a lasting NXDOMAIN', { skip }, async () => {
  const slow = fakeClient();
  slow.failWith((verb) => (verb === 'list' ? new Error('the server is not there yet') : undefined));
  const ended = new AbortController();
  const options = { clusterDomain: 'cluster.local', upstream: [], log: silentLogger };
  const early = await startDNS({ ...options, client: slow, listen: [{ address: '127.0.0.1', port: 0 }] }, ended.signal);
  const { stdout } = await run('dig', [
    '@127.0.0.1',
    '-p',
    String(early.addresses()[0]?.port),
    'a.b.svc.cluster.local',
  ]);
  ended.abort();
  assert.match(stdout, /status: SERVFAIL/);
});

test('those who are not clients get the cluster’s names and no others', { skip }, async () => {
  const ended = new AbortController();
  const narrow = await startDNS(
    {
      client,
      listen: [{ address: '127.0.0.1', port: 0 }],
      clusterDomain: 'cluster.local',
      upstream: ['127.0.0.1:1'],
      clients: ['10.244.0.0/16'],
      log: silentLogger,
    },
    ended.signal,
  );
  await narrow.synced;
  const ask = (name: string) => dig('-p', String(narrow.addresses()[0]?.port), name);
  assert.match(await ask('web.ns.svc.cluster.local'), /status: NOERROR/);
  assert.match(await ask('www.example.test'), /status: REFUSED/);
  ended.abort();
});

test('one client cannot hold every TCP connection', async () => {
  const sockets = Array.from({ length: 40 }, () => connect(port, '127.0.0.1'));
  const closed = sockets.map((socket) => once(socket.resume(), 'close'));
  const open = () => sockets.filter((socket) => !socket.destroyed).length;
  while (open() > 32) await Promise.race(closed.filter((_, i) => !sockets[i]?.destroyed));
  assert.equal(open(), 32);
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
});
