import assert from 'node:assert/strict';
import { test } from 'node:test';
import { desiredForwarding } from '../forwarding/desired.ts';
import { type EndpointSpec, type ServiceSpec, service, slice } from '../testing/builders.ts';

const here = (ip: string, conditions: object = {}): EndpointSpec => ({ addresses: [ip], nodeName: 'here', conditions });
const there = (ip: string): EndpointSpec => ({ addresses: [ip], nodeName: 'there' });
const ENDING = { ready: false, serving: true, terminating: true };

const local: ServiceSpec = {
  ...{ type: 'LoadBalancer', clusterIPs: ['10.96.0.10', 'fd00:10:96::10'] },
  ...{ externalTrafficPolicy: 'Local', healthCheckNodePort: 32000 },
  ports: [
    { name: 'a', port: 80 },
    { name: 'b', port: 81 },
  ],
};

function check(spec: ServiceSpec, ...endpoints: readonly EndpointSpec[]) {
  const slices = (['IPv4', 'IPv6'] as const).map((addressType) => {
    const own = endpoints.filter(
      (one) => (typeof one === 'string' ? one : one.addresses[0])?.includes(':') === (addressType === 'IPv6'),
    );
    const port = { protocol: 'TCP', port: 8080 } as const;
    return {
      ...slice('web', own, { addressType }),
      ports: [
        { name: 'a', ...port },
        { name: 'b', ...port, port: 8081 },
      ],
    };
  });
  return desiredForwarding(service('web', spec), slices, { name: 'here' })?.healthCheck;
}

test('counts the ready guests of this node once, by family, however many ports they have', () => {
  assert.deepEqual(check(local, here('10.244.1.1'), here('10.244.1.2'), there('10.244.2.1'), there('fd00::1')), {
    port: 32000,
    localEndpoints: { IPv4: 2, IPv6: 0 },
  });
});

test('does not count guests that end, though they serve while no other does', () => {
  const counted = check(local, here('10.244.1.1', ENDING), here('10.244.1.2', { ready: false }));
  assert.deepEqual(counted?.localEndpoints, { IPv4: 0, IPv6: 0 });
});

test('nobody asks without the policy Local, a load balancer and a port', () => {
  assert.equal(check({ ...local, externalTrafficPolicy: 'Cluster' }, here('10.244.1.1')), undefined);
  assert.equal(check({ ...local, type: 'NodePort' }, here('10.244.1.1')), undefined);
  const { healthCheckNodePort: _, ...without } = local;
  assert.equal(check(without, here('10.244.1.1')), undefined);
});
