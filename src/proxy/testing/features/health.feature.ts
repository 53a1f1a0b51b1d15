/** What load balancers are told of a Service, by its port for health checks. */
import assert from 'node:assert/strict';
import type { HTTPAnswer } from '../world/agent/questions.ts';
import type { Case } from './case.ts';
import { feature } from './feature.ts';

const DRAINING = { ready: false, serving: true, terminating: true } as const;

const checked = (it: Case) =>
  it.loadBalancer({ externalTrafficPolicy: 'Local', healthCheckNodePort: it.healthCheckNodePort });

/** The answer once it has this status; listeners are opened behind the change. */
async function answer(it: Case, status: number): Promise<HTTPAnswer> {
  let last: HTTPAnswer | undefined;
  await it.eventually(String(status), async () => {
    last = await it.fetch('client', [it.nodeIP, it.healthCheckNodePort], '/').catch(() => undefined);
    return String(last?.status ?? 'refused');
  });
  assert(last !== undefined);
  return last;
}

export const health = [
  feature('healthCheckNodePort answers 200 and how many endpoints there are on the node, or 503', async (it) => {
    await it.put(checked(it), it.serves(['a1', 'a2', 'b1']));
    const { headers, body } = await answer(it, 200);
    assert.equal(headers['x-load-balancing-endpoint-weight'], '2');
    const service = { namespace: 'default', name: it.name() };
    assert.deepEqual(JSON.parse(body), { service, localEndpoints: 2, serviceProxyHealthy: true });
    await it.put(it.serves(['b1', it.endpoint('a1', { conditions: DRAINING })]));
    assert.equal((await answer(it, 503)).headers['x-load-balancing-endpoint-weight'], '0');
    await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw client']);
  }),

  feature(
    'healthCheckNodePort is open while external policy Local needs it, and closed with its Service',
    async (it) => {
      const port = [it.nodeIP, it.healthCheckNodePort] as const;
      const check = () => it.ask('client', port, { patience: 300 });
      await it.put(it.loadBalancer(), it.serves(['a1']));
      assert.equal(await it.ask('client', port), 'refused');
      await it.put(checked(it));
      await answer(it, 200);
      await it.put(it.loadBalancer());
      await it.eventually('refused', check);
      await it.put(checked(it));
      await answer(it, 200);
      await it.remove(checked(it));
      await it.eventually('refused', check);
    },
  ),
];
