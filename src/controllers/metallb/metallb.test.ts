import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lease } from '../../api/coordination/v1/lease.ts';
import { Node } from '../../api/core/v1/node.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { announcerLease, announcerLeaseName } from '../../api/metallb/v1beta1/announcer-lease.ts';
import { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { pool } from '../loadbalancer/testing.ts';
import { START, type World, world } from '../testing.ts';
import { metalLBController } from './metallb.ts';

const metallb = (spec: MetalLB['spec'] = {}): MetalLB => ({
  apiVersion: MetalLB.apiVersion,
  kind: 'MetalLB',
  metadata: { namespace: 'metallb-system', name: 'metallb' },
  spec,
});
const node = (name: string): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
const lease = (name: string, now = START) => announcerLease({ node: name, port: 7952, hears: [], onLan: true }, now);

async function conditions(w: World): Promise<Record<string, string>> {
  const [found] = await w.all(MetalLB);
  return Object.fromEntries(
    (found?.status?.conditions ?? []).map(({ type, status, reason, message }) => {
      return [type, [status, reason, ...(message ? [message] : [])].join(' ')];
    }),
  );
}

const start = (...objects: readonly KubeObject[]) => world([metallb(), ...objects], metalLBController);

/** Lets time pass in which these announcers renew their leases. */
async function renewed(w: World, ms: number, ...names: readonly string[]): Promise<void> {
  for (let left = ms; left > 0; left -= 5000) {
    await w.pass(5000);
    for (const name of names) w.client.seed(lease(name, w.clock.now()));
    await w.settle();
  }
}

describe('the MetalLB object', () => {
  it('says that it is available while announcers live, and nothing when nothing changes', async () => {
    const w = await start(node('n1'), lease('n1'));
    const expected = {
      Available: 'True Available',
      Upgradeable: 'True Upgradeable',
      Progressing: 'False Progressing',
      Degraded: 'False Degraded',
    };
    assert.deepEqual(await conditions(w), expected);
    const { length } = w.client.writes;
    await renewed(w, 60_000, 'n1');
    assert.deepEqual(await conditions(w), expected);
    assert.equal(w.client.writes.length, length);
    await w.stop();
  });

  it('says that it is under way until an announcer could have been heard of, and then degraded', async () => {
    const w = await start(node('n1'));
    assert.deepEqual(await conditions(w), {
      Available: 'False Available',
      Upgradeable: 'False Upgradeable',
      Progressing: 'True AnnouncersStarting no announcer has been heard of yet',
      Degraded: 'False Degraded',
    });
    await w.pass(20_000);
    const { Progressing, Degraded } = await conditions(w);
    assert.equal(Progressing, 'False Progressing');
    assert.equal(
      Degraded,
      'True NoAnnouncer no node has an announcer: run postern agent, or postern l2, on the nodes that are to announce',
    );
    w.client.seed(lease('n1', w.clock.now()));
    await w.settle();
    assert.deepEqual(
      [(await conditions(w))['Available'], (await conditions(w))['Degraded']],
      ['True Available', 'False Degraded'],
    );
    await w.stop();
  });

  it('says whose announcer fell silent, until its node is gone', async () => {
    const w = await start(...['n1', 'n2'].map(node), lease('n1'), lease('n2'));
    await renewed(w, 30_000, 'n1');
    const { Available, Degraded } = await conditions(w);
    assert.deepEqual(
      [Available, Degraded],
      ['True Available', 'True AnnouncerSilent nothing is heard of the announcer of n2'],
    );
    w.client.remove(Node, { name: 'n2' });
    await w.settle();
    assert.equal((await conditions(w))['Degraded'], 'False Degraded');
    await w.stop();
  });

  it('is degraded when all have fallen silent, and when the leases go', async () => {
    const w = await start(node('n1'), lease('n1'));
    await w.pass(25_000);
    assert.match((await conditions(w))['Degraded'] ?? '', /^True NoAnnouncer no announcer is left of n1: /);
    assert.equal((await conditions(w))['Available'], 'False Available');
    w.client.remove(Lease, { namespace: 'metallb-system', name: announcerLeaseName('n1') });
    await w.settle();
    assert.match((await conditions(w))['Degraded'] ?? '', /^True NoAnnouncer no node has an announcer: /);
    await w.stop();
  });

  it('trusts what it sees, and not the clock of a node', async () => {
    const w = await start(node('n1'), lease('n1', START - 3_600_000));
    assert.match((await conditions(w))['Progressing'] ?? '', /^True AnnouncersStarting/);
    await w.pass(5000);
    w.client.seed(lease('n1', START - 3_600_000 + 5000));
    await w.settle();
    assert.equal((await conditions(w))['Available'], 'True Available');
    await w.stop();
  });

  it('is degraded, and available, while not all of the pools is used', async () => {
    const bad = [pool('a', ['192.0.2.0/30']), pool('b', ['192.0.2.2/32'])];
    const w = await start(node('n1'), lease('n1'), ...bad);
    const { Available, Degraded } = await conditions(w);
    assert.equal(Available, 'True Available');
    assert.match(Degraded ?? '', /^True InvalidConfiguration pool "metallb-system\/b": 192\.0\.2\.2\/32 overlaps with/);
    w.client.seed(pool('b', ['192.0.2.4/32']));
    await w.settle();
    assert.equal((await conditions(w))['Degraded'], 'False Degraded');
    await w.stop();
  });

  it('says how much is logged, as long as it is there', async () => {
    const levels: (string | undefined)[] = [];
    const w = await world([metallb({ logLevel: 'debug' })], (parts) =>
      metalLBController({ ...parts, setLogLevel: (level) => levels.push(level) }),
    );
    for (const logLevel of ['all', 'none', 'warn'] as const) {
      w.client.seed(metallb({ logLevel }));
      await w.settle();
    }
    w.client.remove(MetalLB, { namespace: 'metallb-system', name: 'metallb' });
    await w.settle();
    // The status that is written meanwhile tells the level again.
    const told = levels.filter((level, i) => i === 0 || level !== levels[i - 1]);
    assert.deepEqual(told, ['debug', 'silent', 'warn', undefined]);
    await w.stop();
  });
});
