import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { isTrue } from '../../api/meta/conditions.ts';
import { settle } from '../../client/testing.ts';
import { CLEANUP_FINALIZER, PROVIDER_ANNOTATION } from './balancers/marks.ts';
import { CrashingWorld } from './testing/crashing-world.ts';
import { SUBJECTS, type Subject } from './testing/subjects.ts';

const HISTORIES = 10;
const STEPS = 30;
/** Milliseconds in which everything has come about, the longest back-offs included. */
const PATIENCE = 400_000;

for (const [name, make] of SUBJECTS) {
  test(`with ${name}, whatever happens, in whatever order, in the end each Service has its own, and nothing else is there`, async () => {
    const given = process.env['SEED'];
    const first = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
    for (let seed = first; seed < first + (given === undefined ? HISTORIES : 1); seed++) {
      try {
        await history(make(), randomOf(seed));
      } catch (error) {
        throw new Error(`with SEED=${seed}`, { cause: error });
      }
    }
  });
}

async function history(subject: Subject, random: Random): Promise<void> {
  const before = subject.left();
  const w = new CrashingWorld(subject.around);
  try {
    await w.start();
    for (let step = 0; step < STEPS; step++) await happen(w, subject, random);
    w.faults = () => {};
    subject.interrupt(undefined);
    await w.restart();
    await w.passing(PATIENCE);
    await judge(w, subject);
    for (const { metadata } of (await w.client.list(Service)).items) {
      await w.client.delete(Service, { namespace: 'ns', name: metadata.name ?? '' });
    }
    await w.passing(PATIENCE);
    assert.deepEqual((await w.client.list(Service)).items, []);
    assert.deepEqual(subject.left(), before);
  } finally {
    await w.stop();
  }
}

/** What must hold once everything is quiet. */
async function judge(w: CrashingWorld, subject: Subject): Promise<void> {
  const services = (await w.client.list(Service)).items;
  const wanted = services.filter(({ spec }) => spec?.type === 'LoadBalancer');
  const nodes = (await w.client.list(Node)).items.filter(({ status }) => isTrue(status?.conditions, 'Ready'));
  const addresses = nodes.map(({ status }) => status?.addresses?.[0]?.address);
  const backends = addresses.map((address) => `${address}:30080`).sort();
  assert.deepEqual(
    [...subject.balancers()].sort((a, b) => (a.owner < b.owner ? -1 : 1)),
    wanted.map(({ metadata }) => ({ owner: `ns/${metadata.name}`, listeners: ['TCP 80'], backends })),
  );
  for (const each of services) {
    const isWanted = wanted.includes(each);
    assert.equal(each.metadata.finalizers?.includes(CLEANUP_FINALIZER) ?? false, isWanted);
    assert.equal(each.metadata.annotations?.[PROVIDER_ANNOTATION], isWanted ? subject.provider : undefined);
    assert.equal((each.status?.loadBalancer?.ingress ?? []).length > 0, isWanted);
  }
}

/** One thing that may happen to a cluster, its controller, or its provider. */
async function happen(w: CrashingWorld, subject: Subject, random: Random): Promise<void> {
  const name = ['shop', 'web'][random(2)] ?? '';
  const key = { namespace: 'ns', name };
  const current = (await w.client.list(Service)).items.find(({ metadata }) => metadata.name === name);
  switch (random(9)) {
    case 0:
      if (current === undefined) await w.client.create(Service, subject.own(name));
      break;
    case 1:
      if (current !== undefined) await w.client.delete(Service, key);
      break;
    case 2:
      if (current !== undefined && current.metadata.deletionTimestamp === undefined) {
        await w.client.update(Service, ofOtherType(current, subject.own(name)));
      }
      break;
    case 3:
      w.client.seed(subject.node(random(2) === 0));
      break;
    case 4:
      await w.stop();
      await w.start({ effects: random(12) });
      break;
    case 5:
      subject.deleteByHand(`ns/${name}`);
      break;
    case 6: {
      const isAway = random(3) === 0;
      w.faults = () => {
        if (isAway) throw subject.away();
      };
      break;
    }
    case 7:
      subject.interrupt({ nth: 1 + random(3), how: random(2) === 0 ? 'before' : 'after' });
      break;
    default:
      await w.passing(random(10) * 1000);
  }
  await settle(5);
}

function ofOtherType(current: Service, own: Service): Service {
  const { loadBalancerClass: _, ...spec } = current.spec ?? {};
  if (spec.type === 'LoadBalancer') return { ...current, spec: { ...spec, type: 'ClusterIP' } };
  return { ...current, ...(own.spec === undefined ? {} : { spec: own.spec }) };
}

type Random = (below: number) => number;

/** Whole numbers below a bound, the same for the same seed (xorshift32). */
function randomOf(seed: number): Random {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}
