import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { TransportError } from '../../client/client.ts';
import { settle } from '../../client/testing.ts';
import { bindPod, type World, world } from '../testing.ts';
import { schedulerController } from './scheduler.ts';

const NODES = ['a', 'b', 'c'];
/** Thousandths of a processor that each node has. */
const ROOM = 1000;

/** Numbers that a seed determines. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function node(name: string, cordoned = false): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: { unschedulable: cordoned },
    status: { allocatable: { cpu: `${ROOM}m`, pods: '6' }, conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

function pod(name: string, cpu: number, hostPort: number): Pod {
  const ports = hostPort === 0 ? [] : [{ containerPort: 80, hostPort, protocol: 'TCP' }];
  const resources = { requests: { cpu: `${cpu}m` } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'ns', name },
    spec: { containers: [{ name: 'c', image: 'i', resources, ports }] },
  };
}

const cpuOf = ({ spec }: Pod) => Number.parseInt(String(spec?.containers?.[0]?.resources?.requests?.['cpu']), 10);
const portOf = ({ spec }: Pod) => spec?.containers?.[0]?.ports?.[0]?.hostPort ?? 0;

/** What the pods on a node, and perhaps one more, are too much in; undefined when they fit. */
function excess(pods: readonly Pod[]): string | undefined {
  const ports = pods.map(portOf).filter((port) => port !== 0);
  if (new Set(ports).size < ports.length) return 'ports';
  if (pods.length > 6) return 'pods';
  return pods.reduce((sum, each) => sum + cpuOf(each), 0) > ROOM ? 'cpu' : undefined;
}

async function disturb(w: World, random: (below: number) => number, step: number): Promise<void> {
  const pods = await w.all(Pod);
  const some = pods[random(pods.length)];
  const name = NODES[random(NODES.length)] ?? 'a';
  switch (random(8)) {
    case 0:
      if (some) w.client.remove(Pod, keyOf(some));
      break;
    case 1: // It has ended, and its room is free.
      if (some?.spec?.nodeName) w.client.seed({ ...some, status: { phase: 'Succeeded' } });
      break;
    case 2:
      w.client.seed(node(name, random(2) === 0));
      break;
    case 3: // The server restarts.
      w.client.disconnect();
      break;
    case 4: // The server fails for a while: bindings and statuses are refused.
      w.client.failWith((verb) => (verb !== 'list' && random(3) === 0 ? new TransportError('a fault') : undefined));
      break;
    default:
      for (let i = random(4); i >= 0; i--) w.client.seed(pod(`p${step}-${i}`, 100 * (1 + random(6)), random(3)));
  }
}

describe('the scheduler, through anything that happens', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`gives nothing away twice, and leaves nothing waiting that fits (seed ${seed})`, async () => {
      const random = generator(seed);
      const w = await world(
        NODES.map((name) => node(name)),
        schedulerController,
      );
      // The server takes its time: others are decided on meanwhile.
      w.client.answerRawWith(async (_, path, body) => {
        await settle(random(10));
        return bindPod(w.client, path, body);
      });
      const on = async (name: string) =>
        (await w.all(Pod)).filter(({ spec, status }) => spec?.nodeName === name && status?.phase !== 'Succeeded');
      for (let step = 0; step < 80; step++) {
        await disturb(w, random, step);
        if (random(2) === 0) await w.settle();
        if (random(8) === 0) w.client.failWith(undefined);
        for (const name of NODES) assert.equal(excess(await on(name)), undefined, `step ${step}: node ${name}`);
      }
      w.client.failWith(undefined);
      for (const name of NODES) w.client.seed(node(name));
      await w.pass(90_000);
      const waiting = (await w.all(Pod)).filter(({ spec }) => !spec?.nodeName);
      for (const name of NODES) {
        const there = await on(name);
        for (const each of waiting) assert.ok(excess([...there, each]), `${each.metadata.name} fits on ${name}`);
      }
      await w.stop();
    });
  }
});
