import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import type { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { announcerLease } from '../../api/metallb/v1beta1/announcer-lease.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import type { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import { type World, world } from '../testing.ts';
import { ANNOUNCER_FOUND, ENDPOINTS_READY } from './conditions.ts';
import { serviceStatusController } from './servicestatus.ts';

const namespace = 'ns';
const key = { namespace, name: 'web' };
const app = { app: 'web' };
const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { ...key },
  spec: { selector: app, ports: [{ port: 80 }] },
};
const slice = (ready: boolean): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-1', namespace, labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.244.0.2'], conditions: { ready } }],
});
const vm = (labels: Record<string, string>): VirtualMachine => ({
  apiVersion: 'kubevirt.io/v1',
  kind: 'VirtualMachine',
  metadata: { name: 'a', namespace },
  spec: { template: { metadata: { labels }, spec: { domain: { devices: {} } } } },
});
const vmi = (labels: Record<string, string>): VirtualMachineInstance => ({
  apiVersion: 'kubevirt.io/v1',
  kind: 'VirtualMachineInstance',
  metadata: { name: 'a', namespace, labels },
  spec: { domain: { devices: {} } },
  status: { phase: 'Running' },
});

async function condition(w: World, type = ENDPOINTS_READY): Promise<string | undefined> {
  const found = findCondition((await w.find(Service, key))?.status?.conditions, type);
  return found && `${found.status} ${found.reason} ${found.message}`.trim();
}

describe('a Service without endpoints', () => {
  it('says after three seconds that nothing has its label, in a condition and one Event', async () => {
    const w = await world([service], serviceStatusController);
    await w.pass(2000);
    assert.equal(await condition(w), undefined);
    await w.pass(2000);
    assert.match(
      (await condition(w)) ?? '',
      /^False NothingSelected .*no virtual machine and no pod carries the label app=web/,
    );
    await w.pass(10_000);
    const [event, ...others] = await w.events(service);
    assert.match(event ?? '', /^NothingSelected: it has no ready endpoint: /);
    assert.deepEqual(others, []);
    await w.stop();
  });

  it('says that a virtual machine has the label in its template only, and needs a restart', async () => {
    const w = await world([service, vm({}), vmi({})], serviceStatusController);
    await w.pass(4000);
    assert.match((await condition(w)) ?? '', /NothingSelected/);
    w.client.seed(vm(app));
    await w.pass(4000);
    assert.match((await condition(w)) ?? '', /^False RestartNeeded .*postern vm restart a -n ns/);
    await w.stop();
  });

  it('says that it is well again, and nothing of one that always was', async () => {
    const w = await world([service, slice(false)], serviceStatusController);
    await w.pass(4000);
    assert.match((await condition(w)) ?? '', /^False/);
    w.client.seed(slice(true));
    await w.pass(4000);
    assert.equal(await condition(w), 'True EndpointsReady');
    await w.stop();

    const well = await world([service, slice(true)], serviceStatusController);
    await well.pass(4000);
    assert.equal(await condition(well), undefined);
    assert.deepEqual(well.client.writes, []);
    await well.stop();
  });

  it('says nothing when it is only a name', async () => {
    const named: Service = { ...service, spec: { type: 'ExternalName', externalName: 'a.b' } };
    const w = await world([named], serviceStatusController);
    await w.pass(4000);
    assert.deepEqual(w.client.writes, []);
    await w.stop();
  });
});

describe('a load balancer that nobody announces', () => {
  const metadata = { name: 'lan', namespace: 'metallb-system' };
  const apiVersion = 'metallb.io/v1beta1';
  const pool: IPAddressPool = { apiVersion, kind: 'IPAddressPool', metadata, spec: { addresses: ['192.0.2.1/32'] } };
  const advertisement: L2Advertisement = { apiVersion, kind: 'L2Advertisement', metadata, spec: {} };
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } };
  const balanced: Service = {
    ...service,
    spec: { ...service.spec, type: 'LoadBalancer' },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
  };
  const lease = (now: number) => announcerLease({ node: 'n1', port: 7952, hears: [], onLan: true }, now);

  it('says so until an announcer lives, and again when the last has fallen silent', async () => {
    const w = await world([balanced, slice(true), pool, advertisement, node], serviceStatusController);
    await w.pass(4000);
    assert.match(
      (await condition(w, ANNOUNCER_FOUND)) ?? '',
      /^False NoAnnouncer nobody announces 192.0.2.1: no announcer runs on the nodes that may: n1 \(none has run there\)/,
    );
    w.client.seed(lease(w.clock.now()));
    await w.pass(4000);
    assert.equal(await condition(w, ANNOUNCER_FOUND), 'True AnnouncerFound');
    await w.pass(40_000);
    assert.match(
      (await condition(w, ANNOUNCER_FOUND)) ?? '',
      /^False NoAnnouncer .*n1 \(last seen 2026-01-01T00:00:04Z\)/,
    );
    await w.stop();
  });

  it('says nothing while announcers renew their leases', async () => {
    const w = await world([balanced, slice(true), pool, advertisement, node], serviceStatusController);
    for (let i = 0; i < 10; i++) {
      w.client.seed(lease(w.clock.now()));
      await w.pass(5000);
    }
    assert.equal(await condition(w, ANNOUNCER_FOUND), undefined);
    await w.stop();
  });

  it('believes an announcer whose node has another time, once it was seen to renew its lease', async () => {
    const w = await world([balanced, slice(true), pool, advertisement, node], serviceStatusController);
    for (let i = 0; i < 10; i++) {
      w.client.seed(lease(w.clock.now() - 7_200_000));
      await w.pass(5000);
    }
    assert.equal(await condition(w, ANNOUNCER_FOUND), 'True AnnouncerFound');
    await w.pass(40_000);
    assert.match((await condition(w, ANNOUNCER_FOUND)) ?? '', /^False NoAnnouncer .*n1 \(last seen 2026-01-01T00:00:4/);
    await w.stop();
  });

  it('says that endpoints are on no node that may announce, and takes it back when one is', async () => {
    const local: Service = { ...balanced, spec: { ...balanced.spec, externalTrafficPolicy: 'Local' } };
    const on = (nodeName: string): EndpointSlice => ({
      ...slice(true),
      endpoints: [{ addresses: ['10.244.0.2'], conditions: { ready: true }, nodeName }],
    });
    const announcing = [pool, advertisement, node, lease(Date.UTC(2026, 0, 1))];
    const w = await world([local, on('n1'), ...announcing], serviceStatusController);
    await w.pass(4000);
    assert.equal(await condition(w, ANNOUNCER_FOUND), undefined);
    w.client.seed(on('n7'));
    await w.pass(4000);
    assert.match((await condition(w, ANNOUNCER_FOUND)) ?? '', /^False NoAnnouncer .*its endpoints are on n7/);
    w.client.seed(on('n1'));
    await w.pass(4000);
    assert.equal(await condition(w, ANNOUNCER_FOUND), 'True AnnouncerFound');
    await w.stop();
  });
});
