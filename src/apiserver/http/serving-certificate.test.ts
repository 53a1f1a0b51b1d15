import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { minutes } from '../../lib/duration.ts';
import { openPki } from '../pki/pki.ts';
import { keepServingCertificate, secureContext } from './serving-certificate.ts';

it('serves with a new certificate when the machine’s addresses change or its end is near; connections go on', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'postern-serving-'));
  const clock = new FakeClock(Date.now());
  let hosts: readonly string[] = ['192.0.2.1'];
  const pki = await openPki(dir, { hosts, clock });
  const server = createServer(secureContext(pki, 'TLSv1.3'), (_, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ended = new AbortController();
  t.after(async () => {
    ended.abort();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(dir, { recursive: true });
  });
  const { port } = server.address() as AddressInfo;
  const open = () =>
    new Promise<TLSSocket>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => resolve(socket));
      socket.once('error', reject);
    });
  const serial = async () => {
    const socket = await open();
    const { serialNumber, issuerCertificate } = socket.getPeerCertificate(true);
    assert.equal(issuerCertificate.subject.CN, 'postern-ca', 'whoever joins is shown the authority too');
    socket.destroy();
    return serialNumber;
  };
  const parts = {
    pki,
    minVersion: 'TLSv1.3',
    hosts: () => hosts,
    servers: () => [server],
    clock,
    log: silentLogger,
  } as const;
  const keeping = keepServingCertificate(parts, ended.signal);
  const renewed = async (from: string) => {
    for (let minute = 0; minute < 200; minute++) {
      await clock.advance(minutes(1));
      await new Promise((resolve) => setTimeout(resolve, 5));
      const now = await serial();
      if (now !== from) return now;
    }
    return assert.fail('it was not renewed');
  };
  const first = await serial();
  const kept = await open();
  hosts = ['192.0.2.1', '192.0.2.2'];
  const second = await renewed(first);
  clock.set(300 * 24 * 60 * 60 * 1000);
  await renewed(second);
  kept.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const answer = await new Promise<string>((resolve) => kept.once('data', (chunk) => resolve(String(chunk))));
  assert.match(answer, /^HTTP\/1\.1 200/);
  ended.abort();
  await keeping;
});
