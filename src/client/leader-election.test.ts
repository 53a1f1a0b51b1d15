/** Elections on a clock that stands still, with the fake API. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { aborted } from '../lib/abort.ts';
import { type Client, TransportError } from './client.ts';
import { type FakeClient, fakeClient } from './fake.ts';
import { LeaderElection, QUICK_ELECTION, type Term } from './leader-election.ts';
import { leadingClient, NotLeadingError } from './leading-client.ts';
import { settle } from './testing.ts';

const KEY = { namespace: 'kube-system', name: 'work' };

/** Some processes, which have one API and one time. */
class World {
  readonly clock = new FakeClock(1_000_000);
  readonly client: FakeClient = fakeClient([], { clock: this.clock });
  /** Does not let writes through while `isCut`. */
  readonly severable: Client = leadingClient(this.client, () => ({ isCurrent: () => !this.isCut }));
  isCut = false;
  readonly #end = new AbortController();

  constructor(t: TestContext) {
    t.after(() => this.#end.abort());
  }

  join(identity: string, given?: Client): { readonly election: LeaderElection; readonly next: () => Promise<Term> } {
    const client = given ?? this.client;
    const election = new LeaderElection({
      ...{ client, lease: KEY, identity, timing: QUICK_ELECTION, log: silentLogger, clock: this.clock },
    });
    election.start(this.#end.signal);
    return { election, next: () => election.next(this.#end.signal) };
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 50) {
      await this.clock.advance(Math.min(50, left));
      await settle(3);
    }
  }

  lease(): Promise<Lease> {
    return this.client.get(Lease, KEY);
  }
}

async function settled<T>(promise: Promise<T>): Promise<T | 'pending'> {
  await settle();
  return Promise.race([promise, settle(3).then(() => 'pending' as const)]);
}

describe('an election', () => {
  it('gives the lead to the first, who writes who he is and keeps it', async (t) => {
    const world = new World(t);
    const a = world.join('a');
    const term = await a.next();
    assert.equal(a.election.leads, true);
    const { spec, metadata } = await world.lease();
    assert.equal(spec?.holderIdentity, 'a');
    assert.equal(spec?.leaseDurationSeconds, 2);
    assert.equal(spec?.leaseTransitions, 0);
    assert.match(spec?.renewTime ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.equal(term.id, `${metadata.uid}/0`);
    const b = world.join('b').next();
    await world.pass(20_000);
    assert.ok(term.isCurrent());
    assert.equal(await settled(b), 'pending');
  });

  it('gives the lead to another once the leader has been silent for the duration, not before', async (t) => {
    const world = new World(t);
    const term = await world.join('a', world.severable).next();
    const b = world.join('b').next();
    await world.pass(1000);
    world.isCut = true;
    await world.pass(1400);
    assert.equal(await settled(b), 'pending');
    await world.pass(700);
    const next = await b;
    assert.equal(term.signal.aborted, true);
    assert.notEqual(next.id, term.id);
    assert.equal((await world.lease()).spec?.leaseTransitions, 1);
  });

  it('lets the leader act for less time than others believe in him', async (t) => {
    const world = new World(t);
    const term = await world.join('a', world.severable).next();
    await world.pass(900);
    world.isCut = true;
    // Renewed at 500.
    await world.pass(1050);
    assert.ok(term.isCurrent());
    await world.pass(100);
    assert.ok(!term.isCurrent());
    assert.ok(term.signal.aborted);
  });

  it('does not mind a failure that passes', async (t) => {
    const world = new World(t);
    const term = await world.join('a', world.severable).next();
    world.isCut = true;
    await world.pass(1100);
    world.isCut = false;
    await world.pass(5000);
    assert.ok(term.isCurrent());
  });

  it('gives the lead to whoever waits, at once, when the leader ends', async (t) => {
    const world = new World(t);
    const a = world.join('a');
    const term = await a.next();
    const b = world.join('b').next();
    await world.pass(600);
    await term.end();
    assert.equal(a.election.leads, false);
    const next = await b;
    assert.ok(next.isCurrent() && term.signal.aborted);
    assert.equal((await world.lease()).spec?.holderIdentity, 'b');
  });

  it('leaves a lease that nobody holds when the last leader ends', async (t) => {
    const world = new World(t);
    await (await world.join('a').next()).end();
    const { spec } = await world.lease();
    assert.equal(spec?.holderIdentity, undefined);
    assert.equal(spec?.leaseDurationSeconds, 1);
  });

  it('never has two leaders, however often they change', async (t) => {
    const world = new World(t);
    const terms: Term[] = [];
    const overlaps = () => terms.filter((term) => term.isCurrent()).length > 1;
    const take = async (name: string): Promise<void> => {
      const { next } = world.join(name);
      for (;;) {
        const term = await next();
        terms.push(term);
        assert.ok(!overlaps());
        await aborted(term.signal);
      }
    };
    for (const name of ['a', 'b', 'c']) void take(name).catch(() => {});
    for (let i = 0; i < 10; i++) {
      await world.pass(1500);
      await terms.findLast((term) => term.isCurrent())?.end();
      assert.ok(!overlaps());
    }
    assert.ok(new Set(terms.map(({ id }) => id)).size >= 10);
  });

  it('is not moved by a wall clock that is set', async (t) => {
    const world = new World(t);
    const term = await world.join('a').next();
    const b = world.join('b').next();
    for (const by of [3_600_000, -7_200_000, 86_400_000]) {
      world.clock.set(by);
      await world.pass(3000);
    }
    assert.ok(term.isCurrent());
    assert.equal(await settled(b), 'pending');
  });

  it('ends a term when somebody else has taken or deleted the lease', async (t) => {
    const world = new World(t);
    const { next } = world.join('a');
    const first = await next();
    const lease = await world.lease();
    await world.client.update(Lease, {
      ...lease,
      spec: { ...lease.spec, holderIdentity: 'thief', leaseTransitions: 7 },
    });
    await world.pass(600);
    assert.ok(first.signal.aborted);
    const second = next();
    await world.pass(2100);
    assert.ok((await second).isCurrent());
    world.client.remove(Lease, KEY);
    await world.pass(600);
    assert.ok((await second).signal.aborted);
    assert.notEqual((await next()).id, (await second).id);
  });

  it('goes on with a lease of which somebody has set a label', async (t) => {
    const world = new World(t);
    const term = await world.join('a').next();
    await world.client.patch(Lease, KEY, { type: 'merge', body: { metadata: { labels: { mine: 'yes' } } } });
    await world.pass(5000);
    assert.ok(term.isCurrent());
    assert.deepEqual((await world.lease()).metadata.labels, { mine: 'yes' });
  });

  it('counts a label as no sign of life', async (t) => {
    const world = new World(t);
    await world.join('a', world.severable).next();
    const b = world.join('b').next();
    world.isCut = true;
    for (let i = 0; i < 5; i++) {
      await world.client.patch(Lease, KEY, { type: 'merge', body: { metadata: { labels: { n: `${i}` } } } });
      await world.pass(500);
    }
    assert.notEqual(await settled(b), 'pending');
  });

  it('waits for an API that is away', async (t) => {
    const world = new World(t);
    world.client.failWith(() => new TransportError('away'));
    const a = world.join('a').next();
    await world.pass(3000);
    assert.equal(await settled(a), 'pending');
    world.client.failWith(undefined);
    await world.pass(4000);
    assert.ok((await a).isCurrent());
  });
});

describe('a client that leads', () => {
  it('reads always, and writes during a term only', async () => {
    const client = fakeClient();
    let isCurrent = false;
    const leading = leadingClient(client, () => ({ isCurrent: () => isCurrent }));
    const lease: Lease = { apiVersion: Lease.apiVersion, kind: Lease.kind, metadata: KEY };
    await assert.rejects(leading.create(Lease, lease), NotLeadingError);
    assert.deepEqual((await leading.list(Lease)).items, []);
    isCurrent = true;
    await leading.create(Lease, lease);
    isCurrent = false;
    await assert.rejects(leading.delete(Lease, KEY), NotLeadingError);
    await assert.rejects(leading.raw('PUT', '/x'), NotLeadingError);
    assert.deepEqual(
      client.writes.map(({ verb }) => verb),
      ['create'],
    );
  });
});
