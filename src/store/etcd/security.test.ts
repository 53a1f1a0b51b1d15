import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { collect, entryText, put } from '../contract/tools.ts';
import { StoreInputError, StoreLimitError } from '../errors.ts';
import { VALUE_LIMIT } from '../limits.ts';
import { StoreDeniedError, StoreUnavailableError } from './errors.ts';
import { skipWithoutEtcd, startEtcd } from './etcd.fixture.ts';
import { enableAuthentication, makeAuthority, tlsArguments } from './security.fixture.ts';

describe('an etcd that does not let in anybody', { skip: skipWithoutEtcd() }, () => {
  test('is spoken to by TLS, with a certificate of the client', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'postern-tls-'));
    t.after(() => rmSync(dir, { recursive: true }));
    const authority = await makeAuthority();
    const etcd = await startEtcd(t, { members: 1, scheme: 'https', argv: await tlsArguments(dir, authority) });
    const client = await authority.issue('postern');
    const store = await etcd.open(t, { ca: authority.certificate, ...client });
    assert.equal(await put(store, 'a', '1'), 1);
    assert.deepEqual(await collect(store, '', 0, 1), ['put a=1@1-1']);

    const stranger = await makeAuthority();
    const elsewhere = etcd.endpoints[0]?.replace('127.0.0.1', '127.0.0.2') ?? '';
    const refused: readonly [object, RegExp][] = [
      [{ ca: stranger.certificate, ...client }, /unable to verify|self.signed|certificate/],
      [{ ca: authority.certificate }, /reach etcd/],
      [{ ca: authority.certificate, ...client, endpoints: [elsewhere] }, /does not match certificate|altnames/],
      [{ ca: authority.certificate, ...(await stranger.issue('postern')) }, /reach etcd/],
    ];
    await Promise.all(
      refused.map(async ([options, message]) => {
        const opening = etcd.open(t, { ...options, timeout: 600 });
        await assert.rejects(opening, (error) => error instanceof StoreUnavailableError && message.test(error.message));
      }),
    );
    await assert.rejects(etcd.open(t, { ca: 'no certificate' }), /read the certificates for etcd/);
    await assert.rejects(etcd.open(t, { ...client, key: authority.key }), /read the certificates for etcd/);
  });

  test('says when the certificate that is shown to it has ended, and takes a renewed one without a restart', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'postern-tls-'));
    t.after(() => rmSync(dir, { recursive: true }));
    const authority = await makeAuthority();
    const etcd = await startEtcd(t, { members: 1, scheme: 'https', argv: await tlsArguments(dir, authority) });
    const ca = authority.certificate;
    const ended = await authority.issue('postern', Date.now() - 1000);
    await assert.rejects(etcd.open(t, { ca, ...ended, timeout: 600 }), (error) => {
      return (
        error instanceof StoreUnavailableError &&
        /certificate to show to etcd ended at .*; renew it/.test(error.message)
      );
    });

    let renewed = await authority.issue('postern');
    const store = await etcd.open(t, { ca, ...ended, reload: async () => ({ ca, ...renewed }) });
    await put(store, 'a', '1');
    // What cannot be used is left, and what was good before goes on.
    renewed = { ...renewed, key: 'no key' };
    await etcd.members[0]?.kill();
    etcd.members[0]?.start();
    assert.equal(entryText(await store.get('a')), 'a=1@1-1');
  });

  test('is told user and password, again when it has forgotten them, and what a role allows is enough', async (t) => {
    const etcd = await startEtcd(t, { members: 1 });
    await enableAuthentication(etcd.endpoints[0] ?? '');
    const user = { username: 'postern', password: 'secret', prefix: '/postern/' };
    const store = await etcd.open(t, user);
    const revision = await put(store, 'a', '1');
    const seen = collect(store, 'a', revision, 1);

    const denied = [
      {},
      { ...user, password: 'wrong' },
      { ...user, username: 'nobody' },
      { ...user, prefix: '/other/' },
    ];
    for (const options of denied) {
      await assert.rejects(etcd.open(t, { prefix: '/postern/', ...options }), StoreDeniedError);
    }

    // Its tokens are in memory only.
    await etcd.members[0]?.kill();
    etcd.members[0]?.start();
    assert.equal(entryText(await store.get('a')), `a=1@${revision}-${revision}`);
    const next = await put(store, 'a', '2');
    assert.deepEqual(await seen, [`put a=2@${revision}-${next} was 1`]);
  });
});

describe('an etcd with limits of its own', { skip: skipWithoutEtcd() }, () => {
  test('refuses larger transactions in the terms of a store, and nothing is written', async (t) => {
    const etcd = await startEtcd(t, { members: 1 });
    const store = await etcd.open(t);
    const large = { kind: 'put', key: 'large', value: new Uint8Array(VALUE_LIMIT) } as const;
    await assert.rejects(store.txn([], [large]), StoreLimitError);
    await assert.rejects(store.txn([], [large, { ...large, key: 'too' }]), StoreLimitError);
    const many = Array.from({ length: 129 }, (_, i) => ({ kind: 'delete', key: `k${i}` }) as const);
    await assert.rejects(store.txn([], many), StoreLimitError);
    assert.equal(await store.revision(), 0);
    assert.deepEqual(await store.txn([], many.slice(1)), { ok: true, revision: 0 });
  });
});

test('refuses endpoints and certificates that cannot be, before anything is asked', async (t) => {
  const { openEtcdStore } = await import('./etcd-store.ts');
  const { silentLogger: log } = await import('../../host/log.ts');
  const cases: readonly Partial<Parameters<typeof openEtcdStore>[0]>[] = [
    { endpoints: [] },
    { endpoints: ['127.0.0.1:2379'] },
    { endpoints: ['https://etcd'] },
    { endpoints: ['ftp://etcd:2379'] },
    { certificate: 'without its key' },
    { username: '' },
    { origin: 0 },
  ];
  for (const options of cases) {
    const opening = openEtcdStore({ endpoints: ['http://127.0.0.1:1'], log, ...options });
    await assert.rejects(opening, StoreInputError, t.name);
  }
});
