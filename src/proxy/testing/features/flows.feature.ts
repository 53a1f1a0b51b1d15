/** What becomes of flows that are under way when endpoints change. */
import assert from 'node:assert/strict';
import type { Protocol } from '../../../api/core/v1/service.ts';
import type { Case, Destination } from './case.ts';
import { feature } from './feature.ts';

const DNS = { protocol: 'UDP' as Protocol, port: 9376 };
/** A Service of UDP at every kind of entrance. */
const dns = (it: Case) => it.loadBalancer({ ports: [{ port: 53, protocol: 'UDP', nodePort: it.nodePort() }] });
const entrances = (it: Case): readonly Destination[] => [
  [it.vip(), 53],
  [it.nodeIP, it.nodePort()],
  [it.virtualIP(), 53],
];

/** Milliseconds after which a flow is sent once more where the answer is to change, and in which one that is served is answered on a busy machine, too. */
const SOON = 400;
const LATE = 5000;

/** The same flow again: whoever answers it. */
const again = async (it: Case, to: Destination, localPort = it.localPort(), patience = SOON): Promise<string> =>
  (await it.ask('client', to, { protocol: 'udp', localPort, patience })).replace(/ saw .*/, '');
/** The same of a flow that is served. */
const served = (it: Case, to: Destination, localPort = it.localPort()): Promise<string> =>
  again(it, to, localPort, LATE);

export const flows = [
  feature('a UDP flow to an endpoint that goes moves on, at every entrance', async (it) => {
    await it.put(dns(it), it.serves(['a1'], DNS));
    for (const to of entrances(it)) assert.equal(await served(it, to), 'a1');
    await it.put(it.serves(['b1'], DNS));
    for (const to of entrances(it)) await it.eventually('b1', () => again(it, to));
  }),

  feature('a UDP flow to an endpoint that stays is left alone when others come and go', async (it) => {
    await it.put(dns(it), it.serves(['a1', 'b1'], DNS));
    const ports = Array.from({ length: 8 }, (_, number) => it.localPort(number));
    const to = [it.vip(), 53] as const;
    const before = await Promise.all(ports.map((port) => served(it, to, port)));
    await it.put(it.serves(['a1', 'b2', 'a2'], DNS));
    const gone = ports.filter((_, number) => before[number] === 'b1');
    for (const port of gone)
      await it.eventually('moved', async () => ((await again(it, to, port)) === 'b1' ? 'b1' : 'moved'));
    for (const [number, port] of ports.entries()) {
      if (before[number] === 'a1') assert.equal(await served(it, to, port), 'a1', `flow ${number}`);
    }
  }),

  feature('a UDP flow is refused once there is no endpoint left, and served again when one comes', async (it) => {
    await it.put(dns(it), it.serves(['a1'], DNS));
    for (const to of entrances(it)) assert.equal(await served(it, to), 'a1');
    await it.put(it.serves([], DNS));
    for (const to of entrances(it)) await it.eventually('refused', () => again(it, to));
    await it.put(it.serves(['b1'], DNS));
    for (const to of entrances(it)) await it.eventually('b1', () => again(it, to));
  }),

  feature('a UDP flow that began before its Service is served once the Service is there', async (it) => {
    for (const to of entrances(it)) assert.notEqual(await again(it, to), 'a1');
    await it.put(dns(it), it.serves(['a1'], DNS));
    for (const to of entrances(it)) await it.eventually('a1', () => again(it, to));
  }),

  feature(
    'an established TCP connection outlives its endpoint’s removal, a change of policy, and its Service',
    async (it) => {
      const web = it.loadBalancer();
      await it.put(web, it.serves(['a1']));
      const to = { pod: [it.vip(), 80], client: [it.nodeIP, it.nodePort()] } as const;
      assert.equal(await it.open('a2', 'pod', to.pod), 'a1 saw a2');
      assert.equal(await it.open('client', 'client', to.client), 'a1 saw node1');
      const stillThere = async (after: string) => {
        assert.equal(await it.say('a2', 'pod'), 'a1 saw a2', after);
        assert.equal(await it.say('client', 'client'), 'a1 saw node1', after);
      };
      await it.put(it.serves(['b1']));
      await stillThere('the endpoint is gone');
      await it.put({ ...web, spec: { ...web.spec, externalTrafficPolicy: 'Local' } } as typeof web);
      await stillThere('the policy is another');
      await it.put(it.serves([]));
      await stillThere('no endpoint is left');
      await it.remove(web);
      await stillThere('the Service is gone');
    },
  ),
];
