/** A load balancer's address goes back to its pool with the type of the Service, and others can have it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Json, SERVICES, service, type TestServer } from '../../src/apiserver/testing/server.ts';
import { type ControlledServer, startControlledServer, until as untilIn } from './controlled-server.ts';

let api: TestServer;
let cluster: ControlledServer;
before(async () => {
  cluster = await startControlledServer();
  api = cluster.api;
  const body = {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: { name: 'one', namespace: 'default' },
    spec: { addresses: ['192.0.2.10/32'] },
  };
  const made = await api.call('POST', '/apis/metallb.io/v1beta1/namespaces/default/ipaddresspools', { body });
  assert.equal(made.code, 201, made.text);
});
after(() => cluster?.close());

const create = (name: string) => api.call('POST', SERVICES, { body: service(name, { type: 'LoadBalancer' }) });

const until = (name: string, isIt: (object: Json) => boolean) => untilIn(api, SERVICES, name, isIt);
const addressOf = ({ status }: Json) => status.loadBalancer.ingress?.[0]?.ip;
const conditionOf = ({ status }: Json) =>
  status.conditions?.find(({ type }: Json) => type === 'postern.dev/AddressAllocated');

for (const [what, spec] of [
  ['ClusterIP', { type: 'ClusterIP' }],
  ['ExternalName', { type: 'ExternalName', externalName: 'a.example' }],
] as const) {
  test(`a load balancer that becomes ${what} gives its address to one that waits`, async () => {
    const [owner, heir] = [`owner-${what.toLowerCase()}`, `heir-${what.toLowerCase()}`];
    await create(owner);
    await until(owner, (service) => addressOf(service) === '192.0.2.10');
    await create(heir);
    await until(heir, (service) => conditionOf(service)?.status === 'False');
    const body = { spec };
    const type = 'application/merge-patch+json';
    const changed = await api.call('PATCH', `${SERVICES}/${owner}`, { body, type });
    assert.equal(addressOf(changed.body), undefined, 'it is gone with the answer');
    await until(heir, (service) => addressOf(service) === '192.0.2.10');
    await until(owner, (service) => conditionOf(service) === undefined);
    await api.call('DELETE', `${SERVICES}/${heir}`);
    await api.call('DELETE', `${SERVICES}/${owner}`);
  });
}
