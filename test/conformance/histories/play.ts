/** Plays a history on a server and on the models of it, and compares what they say. */
import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertSound } from '../../../src/apiserver/allocation/testing.ts';
import type { Json, Reply } from '../../../src/apiserver/testing/server.ts';
import { type Action, NODE_PORTS, NODES, type ServiceAction, type Zone } from './actions.ts';
import { ask, askNode, askPod } from './ask.ts';
import { expectedOf, nodeOf, type PodModel, said, serviceOf } from './endpoint-model.ts';
import { Machine } from './machine.ts';
import { cidrsOf } from './range-model.ts';
import { type Expected, type Has, has, ServiceModel } from './service-model.ts';

const CIDRS = '/apis/networking.k8s.io/v1/servicecidrs';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const PODS = '/api/v1/namespaces/default/pods';
const CLAIMS = ['/registry/ipaddresses/', '/registry/postern.dev/nodeports/'];
/** Looks at the server before it counts as settled otherwise than expected; each lets the controllers' clock go on. */
const LOOKS = 200;
/** Longer than controllers wait before they write what they have heard of. */
const STEP = 600;
/** Actions between two looks at slices and Endpoints. */
const EVERY = 5;

/** Plays it to its end; the codes of all answers. Throws a HistoryError where the server is not as the models say. */
export async function play(history: readonly Action[]): Promise<ReadonlySet<number>> {
  const machine = new Machine(await mkdtemp(join(tmpdir(), 'postern-history-')));
  const game = new Game(machine);
  try {
    await machine.start();
    for (const node of NODES) await game.play({ act: 'node', node, zone: 'east' });
    for (const [i, action] of history.entries()) {
      try {
        await game.play(action);
        if (i % EVERY === EVERY - 1) await game.settle();
      } catch (error) {
        throw new HistoryError(i, action, error);
      }
    }
    await game.settle();
    await assertSound(machine.api.store, NODE_PORTS);
    return game.codes;
  } finally {
    await machine.close();
  }
}

/** Where a history went wrong. */
export class HistoryError extends Error {
  readonly index: number;

  constructor(index: number, action: Action, cause: unknown) {
    super(`action ${index}, ${JSON.stringify(action)}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.name = 'HistoryError';
    this.index = index;
  }
}

class Game {
  readonly codes = new Set<number>();
  readonly #machine: Machine;
  readonly #services = new ServiceModel();
  readonly #pods = new Map<number, PodModel>();
  /** Of the nodes that there are. */
  readonly #zones = new Map<string, Zone>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  async play(action: Action): Promise<void> {
    switch (action.act) {
      case 'pod':
      case 'pod-ends':
      case 'pod-gone':
        return this.#playPod(action);
      case 'node':
        this.#zones.set(action.node, action.zone);
        return this.#answers(await askNode(this.#machine.api, action), { code: 200 });
      case 'node-gone': {
        const expected = this.#zones.delete(action.node) ? { code: 200 } : { code: 404, reason: 'NotFound' };
        this.#answers(await this.#machine.call('DELETE', `/api/v1/nodes/${action.node}`), expected);
        return this.#settlePods();
      }
      case 'slice-lost': {
        const query = `?labelSelector=${encodeURIComponent(`kubernetes.io/service-name=${action.name}`)}`;
        return this.#answers(await this.#machine.call('DELETE', SLICES + query), { code: 200 });
      }
      case 'add-range': {
        const body = { metadata: { name: action.range }, spec: { cidrs: cidrsOf(action.range) } };
        this.#answers(await this.#machine.call('POST', CIDRS, { body }), this.#services.ranges.add(action.range));
        return this.#settleRanges();
      }
      case 'remove-range': {
        const reply = await this.#machine.call('DELETE', `${CIDRS}/${action.range}`);
        this.#answers(reply, this.#services.ranges.remove(action.range, this.#services.taken()));
        return this.#settleRanges();
      }
      case 'restart':
        await this.#machine.stop();
        return this.#machine.start();
      default:
        return this.#playService(action);
    }
  }

  async #playService(action: ServiceAction): Promise<void> {
    const old = this.#services.services.get(action.name);
    // There is no such change: whoever has no selector has no slices of its own to follow it.
    if (action.act === 'selector' && old?.app === undefined) return;
    const expected = this.#services.expected(action);
    const reply = await ask(this.#machine.api, action, old);
    this.#answers(reply, expected, `, which has ${JSON.stringify(old)}`);
    const found = expected.has && this.#sameService(reply, expected.has, old);
    const before = this.#services.ranges.print();
    this.#services.settle(action, expected, found);
    assert.deepEqual(await this.#claims(), [...this.#services.taken()].map(String).sort(), 'what is claimed');
    if (before.join() !== this.#services.ranges.print().join()) await this.#settleRanges();
  }

  /** Fails unless a Service is as expected, with free values where some were to be chosen. */
  #sameService({ body, text }: Reply, expected: Has, old: Has | undefined): Has {
    const found = has(body);
    const filled = <T>(wanted: readonly (T | undefined)[], given: readonly (T | undefined)[]) =>
      wanted.map((value, i) => {
        if (value !== undefined) return value;
        const isOwn = [...(old?.ips ?? []), ...(old?.ports ?? [])].some((each) => each === given[i]);
        assert.ok(isOwn || this.#services.isFree(given[i]), `${given[i]} was not free`);
        return given[i];
      });
    const { ips, ports, health } = expected;
    const chosen = {
      ips: filled(ips, found.ips),
      ports: filled(ports, found.ports),
      health: filled(health, found.health),
    };
    assert.deepEqual(found, { ...expected, ...chosen }, text);
    return found;
  }

  async #playPod(action: Extract<Action, { act: 'pod' | 'pod-ends' | 'pod-gone' }>): Promise<void> {
    const { pod } = action;
    // Nobody runs it.
    if (!this.#zones.has(nodeOf(pod))) return;
    const old = this.#pods.get(pod);
    const reply = await askPod(this.#machine.api, action, old !== undefined);
    if (action.act === 'pod') {
      this.#answers(reply, { code: 200 });
      this.#pods.set(pod, { ...action.state, isEnding: old?.isEnding ?? false });
      return;
    }
    this.#answers(reply, old === undefined ? { code: 404, reason: 'NotFound' } : { code: 200 });
    if (old === undefined) return;
    // One that has failed has nothing left to end.
    if (action.act === 'pod-gone' || (old.failed && !old.isEnding)) this.#pods.delete(pod);
    else this.#pods.set(pod, { ...old, isEnding: true });
  }

  /** Waits until slices and Endpoints are as the model says; fails with the difference. */
  async settle(): Promise<void> {
    await this.#machine.heartbeat();
    const { services } = this.#services;
    const wanted = new Map([...services].map(([name, service]) => [name, this.#saidOf(service)] as const));
    await this.#eventually(async () => {
      const slices = await this.#items(SLICES);
      const endpoints = await this.#items('/api/v1/namespaces/default/endpoints');
      for (const [name, expected] of wanted) {
        if (expected !== undefined)
          assert.deepEqual(said(name, slices, endpoints), expected, `what is said of ${name}`);
      }
      const strays = slices.filter(
        ({ metadata }) => !services.has(serviceOf(metadata)) && serviceOf(metadata) !== 'kubernetes',
      );
      assert.deepEqual(
        strays.map(({ metadata }) => metadata.name),
        [],
        'slices of Services that are gone',
      );
    });
  }

  #saidOf(service: Has) {
    return expectedOf(service, this.#pods, this.#zones);
  }

  /** What ran on a node that is gone is gone too. */
  #settlePods(): Promise<void> {
    for (const pod of this.#pods.keys()) if (!this.#zones.has(nodeOf(pod))) this.#pods.delete(pod);
    const expected = [...this.#pods.keys()].map((pod) => `p${pod}`).sort();
    return this.#eventually(async () => {
      const found = (await this.#items(PODS)).map(({ metadata }) => metadata.name);
      assert.deepEqual(found.sort(), expected, 'the pods that there are');
    });
  }

  #settleRanges(): Promise<void> {
    return this.#eventually(async () => {
      const isReady = ({ metadata, status }: Json) =>
        metadata.deletionTimestamp === undefined && status?.conditions?.[0]?.status === 'True';
      const found = (await this.#items(CIDRS)).map(
        (range) => `${range.metadata.name} ${isReady(range) ? 'ready' : 'leaving'}`,
      );
      assert.deepEqual(found.sort(), this.#services.ranges.print());
    });
  }

  async #eventually(check: () => Promise<void>): Promise<void> {
    for (let look = 1; ; look++) {
      await this.#machine.pass(STEP);
      try {
        return await check();
      } catch (error) {
        if (look === LOOKS) throw error;
        if (look % 20 === 0) await this.#machine.heartbeat();
      }
    }
  }

  async #items(path: string): Promise<readonly Json[]> {
    return (await this.#machine.call('GET', path)).body.items;
  }

  async #claims(): Promise<readonly string[]> {
    const lists = await Promise.all(CLAIMS.map((prefix) => this.#machine.api.store.list(prefix)));
    return lists.flatMap(({ entries }) => entries.map(({ key }) => key.slice(key.lastIndexOf('/') + 1))).sort();
  }

  /** Fails unless a reply has the code, the reason and the causes that are expected. */
  #answers({ code, body, text }: Reply, expected: Expected, about = ''): void {
    this.codes.add(code);
    const where = text.slice(0, 600) + about;
    assert.equal(code, expected.code, where);
    if (code < 400) return;
    assert.deepEqual([body.kind, body.status, body.reason], ['Status', 'Failure', expected.reason], where);
    if (expected.causes === undefined) return;
    const causes = body.details.causes.map(({ field, reason }: Json) => `${field} ${reason}`);
    assert.deepEqual(causes.sort(), expected.causes, where);
  }
}
