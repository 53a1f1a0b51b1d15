/** Work of which one of several processes does each part, on a clock that stands still. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { TERM_HEADER } from '../api/coordination/v1/term.ts';
import { ConfigMap } from '../api/core/v1/configmap.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import type { Client } from './client.ts';
import { runElected } from './elected.ts';
import { fakeClient } from './fake.ts';
import { QUICK_ELECTION } from './leader-election.ts';
import { leadingClient, NotLeadingError } from './leading-client.ts';
import { settle } from './testing.ts';

const KEY = { namespace: 'kube-system', name: 'work' };

/** What one process did, in order. */
class Process {
  readonly did: string[] = [];
  readonly end = new AbortController();
  readonly ended: Promise<void>;
  /** Of the last life. */
  client: Client | undefined;
  headers: () => Readonly<Record<string, string>> = () => ({});
  isCut = false;
  failures = 0;

  constructor(world: World, identity: string) {
    const client = leadingClient(world.client, () => ({ isCurrent: () => !this.isCut }));
    this.ended = runElected(
      {
        ...{ client, lease: KEY, identity, timing: QUICK_ELECTION, log: silentLogger, clock: world.clock },
        connect: (headers) => {
          this.headers = headers;
          return Object.assign(Object.create(world.client) as typeof world.client, {
            close: () => this.did.push('closed'),
          });
        },
        prepare: async (own, signal) => {
          if (this.failures-- > 0) throw new Error('the world is not as it should be');
          this.client = own;
          this.did.push('prepared');
          signal.addEventListener('abort', () => this.did.push('forgot'));
          return async (working) => {
            this.did.push('works');
            working.addEventListener('abort', () => this.did.push('stopped'));
          };
        },
        ready: () => this.did.push('ready'),
      },
      this.end.signal,
    );
  }
}

class World {
  readonly clock = new FakeClock();
  readonly client = fakeClient([], { clock: this.clock });

  start(t: TestContext, identity: string): Process {
    const process = new Process(this, identity);
    t.after(() => process.end.abort());
    return process;
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 50) {
      await this.clock.advance(Math.min(50, left));
      await settle(3);
    }
  }
}

describe('work of one elected process', () => {
  it('is got ready everywhere and done in one place', async (t) => {
    const world = new World();
    const a = world.start(t, 'a');
    await world.pass(100);
    const b = world.start(t, 'b');
    await world.pass(5000);
    assert.deepEqual(a.did, ['prepared', 'ready', 'works']);
    assert.deepEqual(b.did, ['prepared', 'ready']);
    const { metadata } = await world.client.get(Lease, KEY);
    assert.deepEqual(a.headers(), { [TERM_HEADER]: `kube-system/work ${metadata.uid}/0` });
    assert.deepEqual(b.headers(), {});
    await assert.rejects(async () => b.client?.delete(ConfigMap, KEY), NotLeadingError);
  });

  it('is thrown away by whoever loses the lead, and got ready anew before he takes part again', async (t) => {
    const world = new World();
    const a = world.start(t, 'a');
    await world.pass(100);
    const b = world.start(t, 'b');
    await world.pass(1000);
    const { client } = a;
    a.isCut = true;
    a.failures = 2;
    await world.pass(3000);
    assert.deepEqual(a.did.slice(3), ['stopped', 'forgot', 'closed', 'closed', 'closed', 'prepared']);
    assert.deepEqual(b.did, ['prepared', 'ready', 'works']);
    // What of the old life has been kept anywhere writes nothing.
    await assert.rejects(async () => client?.delete(ConfigMap, KEY), NotLeadingError);
    a.isCut = false;
    b.end.abort();
    await b.ended;
    await world.pass(200);
    assert.deepEqual(a.did.slice(9), ['works']);
  });

  it('ends before another begins, when a process is asked to end', async (t) => {
    const world = new World();
    const a = world.start(t, 'a');
    await world.pass(100);
    const b = world.start(t, 'b');
    await world.pass(1000);
    a.end.abort();
    await a.ended;
    await world.pass(100);
    assert.deepEqual(a.did.slice(3, 5).sort(), ['forgot', 'stopped']);
    assert.deepEqual(a.did.slice(5), ['closed']);
    assert.deepEqual(b.did, ['prepared', 'ready', 'works']);
  });

  it('is not begun where it cannot be got ready the first time', async (t) => {
    const world = new World();
    const end = new AbortController();
    t.after(() => end.abort());
    const options = { client: world.client, lease: KEY, identity: 'a', timing: QUICK_ELECTION, log: silentLogger };
    const running = runElected(
      {
        ...{ ...options, clock: world.clock, ready: () => assert.fail() },
        connect: () => Object.assign(Object.create(world.client) as typeof world.client, { close: () => {} }),
        prepare: () => Promise.reject(new Error('no such thing')),
      },
      end.signal,
    );
    await assert.rejects(running, /no such thing/);
  });
});
