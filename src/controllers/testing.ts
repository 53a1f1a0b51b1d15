/** For tests: controllers on a fake server with a clock that stands still. */

import { Event } from '../api/core/v1/event.ts';
import { Pod } from '../api/core/v1/pod.ts';
import type { Kind } from '../api/kind.ts';
import { withCondition } from '../api/meta/conditions.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../api/meta/v1.ts';
import { conflict, notFound } from '../api/status.ts';
import { type FakeClient, fakeClient } from '../client/fake.ts';
import { Informers } from '../client/informers.ts';
import { eventually, settle } from '../client/testing.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import type { ControllerParts, Run } from './parts.ts';

/** 2026-01-01T00:00:00Z, in milliseconds. */
export const START = Date.UTC(2026, 0, 1);

export interface World {
  readonly client: FakeClient;
  readonly clock: FakeClock;
  /** The object, or undefined when there is none. */
  find<T extends KubeObject>(kind: Kind<T>, key: ObjectKey): Promise<T | undefined>;
  all<T extends KubeObject>(kind: Kind<T>): Promise<readonly T[]>;
  /** `REASON: message` of the Events about an object. */
  events(about: KubeObject): Promise<string[]>;
  /** Lets everything happen that happens without time passing. */
  settle(): Promise<void>;
  /** Lets time pass, and everything happen that this makes happen. */
  pass(ms: number): Promise<void>;
  stop(): Promise<void>;
}

/** Runs controllers over a world with these objects. */
export async function world(
  objects: readonly KubeObject[],
  ...controllers: readonly ((parts: ControllerParts) => Run)[]
): Promise<World> {
  const clock = new FakeClock(START);
  const client = fakeClient(objects, { clock });
  client.answerRawWith((_, path, body) => bindPod(client, path, body));
  const informers = new Informers({ client, log: silentLogger, clock });
  const runs = controllers.map((make) => make({ client, informers, clock, log: silentLogger }));
  const ended = new AbortController();
  await informers.start(ended.signal);
  const running = runs.map((run) => run(ended.signal));
  await settle();
  const all = async <T extends KubeObject>(kind: Kind<T>) => (await client.list(kind)).items;
  return {
    client,
    clock,
    all,
    find: async (kind, key) => (await all(kind)).find((object) => sameKey(keyOf(object), key)),
    events: async ({ kind, metadata }) =>
      (await all(Event))
        .filter(({ involvedObject: about }) => about.kind === kind && about.name === metadata.name)
        .map(({ reason, message }) => `${reason}: ${message}`),
    settle: () => settle(),
    async pass(ms) {
      // What the test has just changed is known before time passes.
      await settle(5);
      // In steps, so that what wakes at one moment can set its next timer from that moment.
      for (let left = ms; left > 0; left -= 1000) {
        await clock.advance(Math.min(left, 1000));
        await settle(5);
      }
      await settle();
    },
    async stop() {
      ended.abort();
      await Promise.all(running);
    },
  };
}

/** What the server does when a scheduler gives a pod its node. */
export async function bindPod(client: FakeClient, path: string, body: object | undefined): Promise<unknown> {
  const [, namespace = '', name] = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/binding$/.exec(path) ?? [];
  if (name === undefined) throw notFound(Pod, path);
  const pod = await client.get(Pod, { namespace, name });
  if (pod.spec?.nodeName) throw conflict(Pod, name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  const { target } = body as { readonly target: { readonly name: string } };
  const scheduled = { type: 'PodScheduled', status: 'True' };
  const conditions = withCondition(pod.status?.conditions, scheduled, START);
  client.seed({ ...pod, spec: { ...pod.spec, nodeName: target.name }, status: { ...pod.status, conditions } });
  return {};
}

function sameKey(a: ObjectKey, b: ObjectKey): boolean {
  return a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');
}

export { eventually };
