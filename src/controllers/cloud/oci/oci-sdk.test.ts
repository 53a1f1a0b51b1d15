import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Service } from '../../../api/core/v1/service.ts';
import { silentLogger } from '../../../host/log.ts';
import type { Ensured, LoadBalancerProvider } from '../provider.ts';
import { node } from '../testing.ts';
import { OciError } from './calls.ts';
import { ociService } from './load-balancer/testing.ts';
import { ociProvider } from './oci.ts';
import { ANNOTATIONS } from './request/annotations.ts';
import { startOciCalls } from './sdk/sdk.ts';
import { type OciServer, startOciServer } from './testing/server.ts';

const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1);

/** Rounds after which what has not come about never will. */
const ROUNDS = 40;

describe("load balancers through Oracle's SDK, over HTTPS", () => {
  const ended = new AbortController();
  let server: OciServer;
  let provider: LoadBalancerProvider;

  before(async () => {
    server = await startOciServer({ nodes: ['n1', 'n2'], pageSize: 2 });
    const config = server.config();
    const calls = await startOciCalls(config, { log: silentLogger }, ended.signal);
    provider = ociProvider({ config, calls, cluster: 'test', isDefault: false, log: silentLogger });
  });

  after(async () => {
    ended.abort();
    await server.stop();
  });

  const nodes = () => server.nodes.map(({ name, privateIp }) => node(name, privateIp));

  async function ready(service: Service): Promise<Extract<Ensured, { kind: 'ready' }>> {
    for (let round = 0; round < ROUNDS; round++) {
      const outcome = await provider.ensure(service, nodes());
      if (outcome.kind === 'ready') return outcome;
      assert.equal(outcome.kind, 'waiting', outcome.why);
    }
    return assert.fail('it never is ready');
  }

  const all = () =>
    [...server.state.loadBalancers.all(), ...server.state.networkLoadBalancers.all()].filter(
      ({ lifecycleState }) => lifecycleState !== 'DELETED',
    );

  for (const type of ['lb', 'nlb'] as const) {
    test(`one of type ${type} is made, changed and removed`, async () => {
      const rules = { [ANNOTATIONS.securityRuleManagementMode]: 'SL-All' };
      const lists = server.state.securityLists.all();
      const { ingress } = await ready(ociService(type, {}, rules));
      assert.ok(ingress.length > 0);
      const ports = [80, 443].map((port) => ({
        name: `p${port}`,
        protocol: 'TCP' as const,
        port,
        nodePort: 30_000 + port,
      }));
      await ready(ociService(type, { ports }, { ...rules, [ANNOTATIONS.lb.idleTimeout]: '60' }));
      const [made, ...others] = all();
      assert.deepEqual(others, []);
      assert.deepEqual(Object.keys(made?.listeners ?? {}).sort(), ['TCP-443', 'TCP-80']);
      server.forget();
      await ready(ociService(type, { ports }, { ...rules, [ANNOTATIONS.lb.idleTimeout]: '60' }));
      assert.deepEqual(
        server.requests.filter(({ method }) => method !== 'GET'),
        [],
      );
      for (let round = 0; (await provider.remove(ociService(type))) !== 'removed'; round++) assert.ok(round < ROUNDS);
      assert.deepEqual(all(), []);
      assert.deepEqual(server.state.securityLists.all().toSorted(byId), lists.toSorted(byId));
    });
  }

  test('what OCI refuses comes as it says it', async () => {
    const shape = { [ANNOTATIONS.lb.shape]: '7Mbps' };
    const outcome = await provider.ensure(ociService('lb', {}, shape), nodes());
    assert.partialDeepStrictEqual(outcome, { kind: 'refused', reason: 'InvalidParameter' });
    server.fail({ how: { status: 429, code: 'TooManyRequests', retryAfter: 3 } });
    await assert.rejects(
      provider.ensure(ociService('nlb'), nodes()),
      (error) => error instanceof OciError && error.retryAfter === 3000,
    );
  });
});
