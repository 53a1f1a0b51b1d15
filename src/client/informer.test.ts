import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { expired, failure } from '../api/status.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { TransportError } from './client.ts';
import { fakeClient } from './fake.ts';
import { type Change, Informer } from './informer.ts';
import { eventually, settle } from './testing.ts';

function lease(name: string, holder = 'a'): Lease {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'ns' },
    spec: { holderIdentity: holder },
  };
}

/** An informer over a fake server, and what its listener was told. */
function setup(...leases: Lease[]) {
  const clock = new FakeClock();
  const client = fakeClient(leases);
  const informer = new Informer({ client, kind: Lease, log: silentLogger, clock });
  const told: string[] = [];
  informer.onChange(({ key, object, previous }: Change<Lease>) => {
    told.push(`${key} ${previous?.spec?.holderIdentity ?? '-'} -> ${object?.spec?.holderIdentity ?? '-'}`);
  });
  return { clock, client, informer, told, ended: new AbortController() };
}

describe('an informer', () => {
  it('says in one line, without a stack, that no server is reached', async () => {
    const { client, clock, ended } = setup();
    const warned: object[] = [];
    const log = { ...silentLogger, warn: (fields: object) => warned.push(fields) };
    const cause = new Error('connect ECONNREFUSED 127.0.0.1:1');
    const error = new TransportError('GET /x: cannot talk to the API server at a: connect ECONNREFUSED', { cause });
    const list = () => Promise.reject(error);
    new Informer({ client: Object.assign(client, { list }), kind: Lease, log, clock }).start(ended.signal);
    await eventually(() => warned.length > 0);
    assert.deepEqual(warned, [{ reason: error.message }]);
    ended.abort();
  });

  it('tells of every object of the first list before it is synced', async () => {
    const { informer, told, ended } = setup(lease('one'), lease('two'));
    informer.start(ended.signal);
    await informer.synced;
    assert.deepEqual(told, ['ns/one - -> a', 'ns/two - -> a']);
    assert.equal(informer.get({ namespace: 'ns', name: 'one' }), informer.get('ns/one'));
    ended.abort();
  });

  it('tells a late listener, and a late index, of what is there', async () => {
    const { client, informer, told, ended } = setup(lease('one'));
    informer.start(ended.signal);
    await informer.synced;
    const late: string[] = [];
    informer.onChange(({ key, previous }) => late.push(`${key} ${previous ? 'changed' : 'new'}`));
    const byHolder = informer.index((object) => [object.spec?.holderIdentity ?? '']);
    assert.deepEqual([late, byHolder('a').length], [['ns/one new'], 1]);
    client.seed(lease('one', 'b'));
    await eventually(() => told.length === 2);
    assert.deepEqual([late, byHolder('a'), byHolder('b').length], [['ns/one new', 'ns/one changed'], [], 1]);
    ended.abort();
  });

  it('follows changes, and keeps indexes in step with objects', async () => {
    const { client, informer, told, ended } = setup(lease('one'));
    const byHolder = informer.index((object) => [object.spec?.holderIdentity ?? '']);
    informer.start(ended.signal);
    await informer.synced;
    client.seed(lease('one', 'b'));
    client.seed(lease('two', 'b'));
    await eventually(() => told.length === 3);
    assert.deepEqual(told.slice(1), ['ns/one a -> b', 'ns/two - -> b']);
    assert.deepEqual(byHolder('a'), []);
    assert.equal(byHolder('b').length, 2);
    client.remove(Lease, { namespace: 'ns', name: 'one' });
    await eventually(() => told.length === 4);
    assert.equal(told[3], 'ns/one b -> -');
    assert.deepEqual(byHolder('b'), informer.list());
    ended.abort();
  });

  it('finds the same by its index as by a look at every object, however many share a key', async () => {
    const { client, informer, told, ended } = setup();
    const byHolder = informer.index((object) => [object.spec?.holderIdentity ?? '', 'all', 'all']);
    informer.start(ended.signal);
    await informer.synced;
    const names = (leases: readonly Lease[]) => leases.map(({ metadata }) => metadata.name).sort();
    let writes = 0;
    // Forty come, move from one holder to the other, and go.
    for (const step of ['a', 'b', 'a', 'gone']) {
      for (let i = 0; i < 40; i++) {
        const name = `lease-${(i * 7) % 40}`;
        if (step === 'gone') client.remove(Lease, { namespace: 'ns', name });
        else client.seed(lease(name, step));
        writes++;
        await eventually(() => told.length === writes);
        for (const holder of ['a', 'b']) {
          const expected = informer.list().filter(({ spec }) => spec?.holderIdentity === holder);
          assert.deepEqual(names(byHolder(holder)), names(expected), `${holder}, ${step} ${i}`);
        }
        assert.deepEqual(names(byHolder('all')), names(informer.list()));
      }
    }
    assert.deepEqual(byHolder('all'), []);
    ended.abort();
  });

  it('finds under one key what comes, changes and goes, one object or several', async () => {
    const { client, informer, told, ended } = setup();
    const byHolder = informer.index((object) => [object.spec?.holderIdentity ?? '']);
    const found = () => byHolder('a').map(({ metadata }) => `${metadata.name} ${metadata.labels?.['at'] ?? 'new'}`);
    const marked = (name: string) => {
      const { metadata, ...rest } = lease(name);
      return { ...rest, metadata: { ...metadata, labels: { at: 'changed' } } };
    };
    const steps: [() => void, string[]][] = [
      [() => client.seed(lease('one')), ['one new']],
      [() => client.seed(marked('one')), ['one changed']],
      [() => client.seed(lease('two')), ['one changed', 'two new']],
      [() => client.seed(marked('two')), ['one changed', 'two changed']],
      [() => client.remove(Lease, { namespace: 'ns', name: 'one' }), ['two changed']],
      [() => client.seed(lease('two', 'b')), []],
      [() => client.seed(lease('one')), ['one new']],
      [() => client.remove(Lease, { namespace: 'ns', name: 'one' }), []],
    ];
    informer.start(ended.signal);
    await informer.synced;
    for (const [i, [step, expected]] of steps.entries()) {
      step();
      await eventually(() => told.length === i + 1);
      assert.deepEqual(found(), expected);
    }
    ended.abort();
  });

  it('goes on where it was when the server ends the watch', async () => {
    const { clock, client, informer, told, ended } = setup();
    informer.start(ended.signal);
    await informer.synced;
    await settle();
    client.disconnect();
    client.seed(lease('meanwhile'));
    await settle();
    await clock.advance(1000);
    await eventually(() => told.length === 1);
    assert.deepEqual(told, ['ns/meanwhile - -> a']);
    ended.abort();
  });

  it('lists again when history is gone, and tells only what differs', async () => {
    const { clock, client, informer, told, ended } = setup(lease('stays'), lease('goes'), lease('changes'));
    informer.start(ended.signal);
    await informer.synced;
    await settle();
    told.length = 0;
    client.disconnect();
    client.remove(Lease, { namespace: 'ns', name: 'goes' });
    client.seed(lease('changes', 'b'));
    client.compact();
    await eventually(async () => {
      await clock.advance(1000);
      return told.length === 2;
    });
    assert.deepEqual(told, ['ns/goes a -> -', 'ns/changes a -> b']);
    ended.abort();
  });

  it('keeps trying, ever more slowly, while the server cannot be reached', async () => {
    const { clock, client, informer, ended } = setup(lease('one'));
    let attempts = 0;
    client.failWith(() => {
      attempts++;
      return new TransportError('down');
    });
    informer.start(ended.signal);
    for (let second = 0; second < 60; second++) {
      await settle(2);
      await clock.advance(1000);
    }
    assert.ok(attempts > 10 && attempts < 40, `${attempts} attempts in a minute`);
    client.failWith(undefined);
    await settle();
    await clock.advance(5000);
    await informer.synced;
    ended.abort();
  });

  it('does not spin when even a fresh list is expired', async () => {
    const { client, informer, ended } = setup();
    let lists = 0;
    client.failWith((verb) => {
      if (verb === 'list') lists++;
      return verb === 'watch' ? expired('always') : undefined;
    });
    informer.start(ended.signal);
    await settle(100);
    assert.equal(lists, 1);
    ended.abort();
  });

  it('waits for a server that is behind, and takes what it has when it stays behind', async () => {
    const { client, informer, clock, ended } = setup(lease('one'));
    let [lists, watches] = [0, 0];
    const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
    client.failWith((verb) => {
      if (verb === 'list') lists++;
      if (verb === 'watch') watches++;
      return verb === 'watch'
        ? failure(504, 'Timeout', 'Too large resource version: 9, current: 1', { causes })
        : undefined;
    });
    informer.start(ended.signal);
    while (watches < 6) {
      assert.ok(lists < 2, `${lists} lists after ${watches} watches`);
      await settle();
      await clock.advance(5000);
    }
    await settle();
    await clock.advance(5000);
    await eventually(() => lists === 2);
    ended.abort();
  });

  it('is empty while the server lacks an optional kind, and follows it once it is there', async () => {
    const clock = new FakeClock();
    const client = fakeClient([lease('one')]);
    const informer = new Informer({ client, kind: Lease, log: silentLogger, clock, optional: true });
    const absent = failure(404, 'NotFound', 'the server could not find the requested resource');
    client.failWith(() => absent);
    const ended = new AbortController();
    informer.start(ended.signal);
    await informer.synced;
    assert.deepEqual(informer.list(), []);
    client.failWith(undefined);
    await settle();
    await clock.advance(30_000);
    await eventually(() => informer.list().length === 1);

    client.failWith(() => absent);
    client.disconnect();
    await eventually(async () => {
      await clock.advance(1000);
      return informer.list().length === 0;
    });
    ended.abort();
  });
});
