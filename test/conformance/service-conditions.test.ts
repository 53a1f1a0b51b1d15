/** What a Service that does not work says of itself, over HTTP against a real server. */
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../src/apiserver/testing/server.ts';
import { clusterTests } from './cluster-tests.ts';

const tests = clusterTests();
const { rule, eventually } = tests;

describe('A Service that does not work says why, in a condition and an Event:', () => {
  const condition = async (type: string) => {
    const { status } = await tests.cluster.get(`${tests.at.core}/services/web`);
    const found = status.conditions?.find((each: Json) => each.type === `postern.dev/${type}`);
    return found && `${found.status} ${found.reason}`;
  };
  const message = async (type: string) => {
    const { status } = await tests.cluster.get(`${tests.at.core}/services/web`);
    return status.conditions.find((each: Json) => each.type === `postern.dev/${type}`).message as string;
  };
  const reasons = async () => {
    const { items } = await tests.cluster.get(`${tests.at.core}/events`);
    return items.filter((event: Json) => event.involvedObject.kind === 'Service').map(({ reason }: Json) => reason);
  };
  const vm = (labels: object) => ({
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name: 'a' },
    spec: {
      runStrategy: 'Always',
      template: { metadata: { labels }, spec: { domain: { devices: {}, memory: { guest: '64Mi' } } } },
    },
  });
  const vms = () => `/apis/kubevirt.io/v1/namespaces/${tests.at.name}/virtualmachines`;

  rule('no pod has the label', async () => {
    await tests.at.service('web');
    await eventually(() => condition('EndpointsReady'), 'False NothingSelected');
    assert.match(await message('EndpointsReady'), /no virtual machine and no pod carries the label app=web/);
    await eventually(async () => (await reasons()).includes('NothingSelected'), true);
  });

  rule('the virtual machine has it only in its template and needs a restart', async () => {
    await tests.cluster.create(vms(), vm({}));
    const instance = `/apis/kubevirt.io/v1/namespaces/${tests.at.name}/virtualmachineinstances/a`;
    await eventually(async () => (await tests.cluster.api.call('GET', instance)).code, 200);
    await tests.cluster.patch(`${vms()}/a`, { spec: { template: { metadata: { labels: { app: 'web' } } } } });
    await tests.at.service('web');
    await eventually(() => condition('EndpointsReady'), 'False RestartNeeded');
    assert.match(
      await message('EndpointsReady'),
      /virtual machine a has app=web in its template, .*postern vm restart a/,
    );
    await eventually(async () => (await reasons()).includes('RestartNeeded'), true);
  });

  rule('the guest is not ready, and which probe fails', async () => {
    await tests.at.service('web');
    const readyMessage = 'the guest runs and its readiness probe fails: connection refused at 10.244.0.5:8080';
    await tests.at.pod('p1', { ready: false, readyMessage });
    await eventually(() => condition('EndpointsReady'), 'False NotReady');
    assert.match(await message('EndpointsReady'), /readiness probe fails: connection refused at 10\.244\.0\.5:8080/);
    await tests.at.podStatus('p1', { ready: true });
    await eventually(() => condition('EndpointsReady'), 'True EndpointsReady');
  });

  const pool = (addresses: string[]) => ({
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: { name: 'lan', namespace: 'kube-system' },
    spec: { addresses },
  });
  const POOLS = '/apis/metallb.io/v1beta1/namespaces/kube-system/ipaddresspools';

  rule('the pool is empty', async () => {
    await tests.cluster.create(POOLS, pool(['192.0.2.100/32']));
    await tests.at.service('first', { type: 'LoadBalancer' });
    const given = async () =>
      (await tests.cluster.get(`${tests.at.core}/services/first`)).status.loadBalancer?.ingress?.[0]?.ip;
    await eventually(given, '192.0.2.100');
    await tests.at.service('web', { type: 'LoadBalancer' });
    await eventually(() => condition('AddressAllocated'), 'False AllocationFailed');
    assert.match(await message('AddressAllocated'), /pool "lan": all of its 1 IPv4 addresses are in use/);
    await eventually(async () => (await reasons()).includes('AllocationFailed'), true);
    await tests.cluster.delete(`${tests.at.core}/services/first`);
    // Else it would take the address of the next test's pool.
    await tests.cluster.delete(`${tests.at.core}/services/web`);
    await tests.cluster.delete(`${POOLS}/lan`);
  });

  rule('no announcer: nothing says from where the address is to be announced', async () => {
    await tests.cluster.create(POOLS, pool(['192.0.2.101/32']));
    await tests.at.service('web', { type: 'LoadBalancer' });
    await eventually(() => condition('AnnouncerFound'), 'False NoAnnouncer');
    assert.match(
      await message('AnnouncerFound'),
      /nobody announces 192\.0\.2\.101: no L2Advertisement is about its pool "lan"/,
    );
    await tests.cluster.delete(`${POOLS}/lan`);
  });
});
