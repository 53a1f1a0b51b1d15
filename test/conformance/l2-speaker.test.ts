/** What announcers write down, on a real server: two of them, with a LAN that only notes what it is told. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Lease } from '../../src/api/coordination/v1/lease.ts';
import { Event } from '../../src/api/core/v1/event.ts';
import { Node } from '../../src/api/core/v1/node.ts';
import { Secret } from '../../src/api/core/v1/secret.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import { IPAddressPool } from '../../src/api/metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from '../../src/api/metallb/v1beta1/l2advertisement.ts';
import { ServiceL2Status } from '../../src/api/metallb/v1beta1/servicel2status.ts';
import { createClient } from '../../src/client/http-client.ts';
import { silentLogger } from '../../src/host/log.ts';
import { Speaker } from '../../src/l2/speaker/speaker.ts';
import { announced, FakeLan } from '../../src/l2/speaker/testing.ts';
import { advertisement, node, pool, service, slice } from '../../src/l2/testing.ts';
import { type ControlledServer, startControlledServer } from './controlled-server.ts';

const IP = '192.0.2.10';
let server: ControlledServer;
let client: ReturnType<typeof createClient>;
const ended = new AbortController();

before(async () => {
  server = await startControlledServer();
  const { api } = server;
  client = createClient({
    server: `https://127.0.0.1:${api.server.port}`,
    caData: api.pki.caCertificate,
    clientCertificate: api.admin.certificate,
    clientKey: api.admin.key,
  });
  for (const [i, name] of ['n1', 'n2'].entries()) {
    const made = node(name, { internalIPs: [`198.51.100.${i + 1}`] });
    await client.create(Node, made);
    // Of no version: the controllers write to a new node too.
    await client.updateStatus(Node, made);
  }
  await client.create(IPAddressPool, pool('lan', [`${IP}/32`]));
  await client.create(L2Advertisement, advertisement('lan'));
});
after(async () => {
  ended.abort();
  client.close();
  await server.close();
});

/** Asks until it is so; only a failure waits for long. */
async function eventually<T>(ask: () => Promise<T>, expected: T): Promise<void> {
  for (let i = 0; ; i++) {
    const found = await ask();
    try {
      assert.deepEqual(found, expected);
      return;
    } catch (error) {
      if (i === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

test('two announcers agree on plan and key, see each other’s leases, and write down what they announce', async () => {
  const lans = { n1: new FakeLan(), n2: new FakeLan() };
  const speakers = Object.entries(lans).map(([nodeName, lan]) => {
    const speaker = new Speaker({ client, log: silentLogger, nodeName, lan, heartbeatPort: 7952 });
    speaker.start(ended.signal);
    return speaker;
  });
  await client.create(Service, {
    ...service('web', []),
    metadata: { name: 'web', namespace: 'default' },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
  });
  const own = slice('web', '10.244.0.5', ['n1']);
  await client.create(EndpointSlice, {
    ...own,
    metadata: { ...own.metadata, namespace: 'default' },
    ports: [{ port: 80, protocol: 'TCP' }],
  });
  const plan = async (lan: FakeLan) =>
    lan
      .of('plans')
      .at(-1)
      ?.changed.map(({ address, candidates }) => [address, candidates.length]);
  for (const lan of Object.values(lans)) {
    await eventually(() => plan(lan), [[IP, 2]]);
    await eventually(
      async () =>
        lan
          .of('peers')
          .at(-1)
          ?.peers.map(({ port, lease }) => [port, lease]),
      [[7952, 'fresh']],
    );
  }
  assert.deepEqual(lans.n1.of('plans').at(-1), lans.n2.of('plans').at(-1));
  assert.deepEqual(lans.n1.of('keys'), lans.n2.of('keys'));
  assert.equal(
    (await client.get(Secret, { namespace: 'metallb-system', name: 'postern-l2-heartbeat' })).type,
    'Opaque',
  );

  const statuses = async () => (await client.list(ServiceL2Status)).items.map(({ status }) => status);
  lans.n1.say({ kind: 'announcing', announced: announced(IP, ['default/web']) });
  await eventually(statuses, [
    { node: 'n1', serviceName: 'web', serviceNamespace: 'default', interfaces: [{ name: 'eth0' }] },
  ]);
  await eventually(async () => {
    const { items } = await client.list(Event);
    return items.filter(({ reason }) => reason === 'nodeAssigned').map(({ message }) => message);
  }, ['announcing from node "n1" with protocol "layer2"']);

  const [first] = speakers;
  await first?.leaving();
  lans.n1.say({ kind: 'withdrawn', address: IP, why: 'it is about to stop' });
  await first?.finish();
  assert.deepEqual(await statuses(), []);
  const leases = await client.list(Lease, { namespace: 'metallb-system' });
  assert.deepEqual(
    leases.items.map(({ metadata }) => [metadata.name, metadata.ownerReferences?.[0]?.name]),
    [['postern-l2.n2', 'n2']],
  );
  await eventually(
    async () =>
      lans.n2
        .of('peers')
        .at(-1)
        ?.peers.map(({ lease }) => lease),
    ['none'],
  );
});
