import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { silentLogger } from '../../host/log.ts';
import { startApiServer } from '../server.ts';
import {
  type Json,
  LEASES,
  lease,
  NAMESPACES,
  SERVICES,
  service,
  startTestServer,
  type TestServer,
} from '../testing/server.ts';

let api: TestServer;
before(async () => {
  api = await startTestServer({ socket: true });
});
after(() => api?.close());

test('lets anybody read health and version, and nothing else', async () => {
  for (const path of ['/healthz', '/livez', '/readyz']) {
    assert.equal((await api.call('GET', path, { as: null })).text, 'ok');
  }
  assert.match((await api.call('GET', '/version', { as: null })).body.gitVersion, /^v1\.34\.\d+\+postern$/);
  for (const path of ['/api', '/apis', NAMESPACES, '/openapi/v3', '/metrics', '/nothing']) {
    const { code, body } = await api.call('GET', path, { as: null });
    assert.deepEqual([path, code, body.reason], [path, 401, 'Unauthorized']);
  }
});

test('takes no certificate of another authority, and says to a user of none of our groups what is forbidden', async () => {
  const other = await startTestServer();
  assert.equal((await api.call('GET', NAMESPACES, { as: other.admin })).code, 401);
  await other.close();
  const nobody = await api.pki.issueClientCertificate({ commonName: 'eve', organizations: ['users'] });
  const { code, body } = await api.call('GET', `${NAMESPACES}/default`, { as: nobody });
  assert.equal(code, 403);
  assert.equal(
    body.message,
    'namespaces "default" is forbidden: User "eve" cannot get resource "namespaces" in API group "" in the namespace "default"',
  );
  const node = await api.pki.issueClientCertificate({ commonName: 'system:node:n1', organizations: ['system:nodes'] });
  assert.equal((await api.call('GET', '/api/v1/nodes', { as: node })).code, 200);
  assert.equal((await api.call('GET', NAMESPACES, { as: node })).code, 403);
});

test('answers on its Unix socket too, which only its owner may use', async () => {
  assert.equal((await api.call('GET', NAMESPACES, { socketPath: api.socketPath })).code, 200);
  assert.equal((await stat(api.socketPath)).mode & 0o777, 0o600);
});

test('answers as table, as metadata, as YAML, and 406 to those who take only protobuf', async () => {
  const get = (accept: string) => api.call('GET', `${NAMESPACES}?limit=1`, { headers: { accept } });
  const table = await get('application/json;as=Table;v=v1;g=meta.k8s.io,application/json');
  assert.deepEqual([table.body.kind, table.body.columnDefinitions[0].name], ['Table', 'Name']);
  assert.equal(table.body.rows[0].object.kind, 'PartialObjectMetadata');
  assert.ok(table.body.metadata.continue);
  const partial = await get('application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io');
  assert.deepEqual([partial.body.kind, partial.body.items[0].spec], ['PartialObjectMetadataList', undefined]);
  const yaml = await get('application/yaml');
  assert.match(yaml.text, /^kind: NamespaceList$/m);
  assert.equal((await get('application/vnd.kubernetes.protobuf')).code, 406);
  assert.equal((await get('application/vnd.kubernetes.protobuf,application/json')).body.kind, 'NamespaceList');
});

test('tells what is served, plainly and in one document', async () => {
  assert.deepEqual((await api.call('GET', '/api')).body.versions, ['v1']);
  const groups = (await api.call('GET', '/apis')).body.groups.map((group: Json) => group.name);
  assert.ok(groups.includes('kubevirt.io') && groups.includes('subresources.kubevirt.io'));
  const resources = (await api.call('GET', '/api/v1')).body.resources.map((resource: Json) => resource.name);
  for (const name of ['services', 'services/status', 'namespaces/finalize']) assert.ok(resources.includes(name), name);
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  const all = await api.call('GET', '/apis', { headers: { accept } });
  assert.equal(all.headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  const metallb = all.body.items.find((item: Json) => item.metadata.name === 'metallb.io');
  assert.deepEqual(
    metallb.versions.map(({ version, resources }: Json) => [version, resources.map((r: Json) => r.resource).sort()]),
    [
      ['v1beta2', ['bgppeers']],
      [
        'v1beta1',
        [
          'bfdprofiles',
          'bgpadvertisements',
          'bgppeers',
          'communities',
          'ipaddresspools',
          'l2advertisements',
          'metallbs',
          'servicel2statuses',
        ],
      ],
    ],
  );
  assert.equal((await api.call('GET', '/apis/nothing.example')).code, 404);
  const v3 = (await api.call('GET', '/openapi/v3')).body.paths;
  const document = await api.call('GET', v3['api/v1'].serverRelativeURL);
  assert.ok(document.body.components.schemas['io.k8s.api.core.v1.Service']);
});

test('answers 404 and 405 with a Status, and 400 to names that would lead out of their folder', async () => {
  assert.equal((await api.call('GET', '/api/v1/nothings')).body.reason, 'NotFound');
  assert.equal((await api.call('POST', '/api/v1/services', { body: service('x') })).body.reason, 'MethodNotAllowed');
  assert.equal((await api.call('POST', `${SERVICES}/kubernetes`, { body: service('x') })).code, 405);
  for (const name of ['..%2fkube-system%2fx', '%00', '%zz']) {
    assert.equal((await api.call('GET', `${LEASES}/${name}`)).code, 400, name);
  }
});

test('unpacks gzip, and no more of it than the limit', async () => {
  const headers = { 'content-encoding': 'gzip' };
  const packed = gzipSync(JSON.stringify(lease('packed')));
  assert.equal((await api.call('POST', LEASES, { body: packed, headers })).code, 201);
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20));
  assert.equal((await api.call('POST', LEASES, { body: bomb, headers })).code, 413);
  assert.equal((await api.call('POST', LEASES, { body: 'not gzip', headers })).code, 400);
});

test('counts requests and times them', async () => {
  await api.call('GET', NAMESPACES);
  const { text } = await api.call('GET', '/metrics');
  assert.match(text, /^apiserver_request_total\{verb="list",resource="namespaces",code="200"\} \d+$/m);
  assert.match(text, /^apiserver_request_duration_seconds_count\{verb="list",resource="namespaces"\} \d+$/m);
});

test('says which address cannot be listened on, and what to do', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const options = {
    store: api.store,
    pki: api.pki,
    listen: { host: '127.0.0.1', port },
    serviceCIDRs: [],
    nodePortRange: { first: 30000, last: 32767 },
    log: silentLogger,
  };
  await assert.rejects(startApiServer(options, new AbortController().signal), (error: Error) => {
    assert.equal(error.name, 'ListenError');
    assert.match(
      error.message,
      new RegExp(`cannot listen on 127.0.0.1:${port}: the port is in use.*--listen HOST:PORT`),
    );
    return true;
  });
  other.close();
  const file = join(api.dir, 'a-file');
  await writeFile(file, '');
  const socket = { ...options, listen: { host: '127.0.0.1', port: 0 }, socketPath: file };
  await assert.rejects(startApiServer(socket, new AbortController().signal), /exists and is not a socket/);
});

test('ends with its signal', async () => {
  const end = new AbortController();
  const server = await startApiServer(
    {
      store: api.store,
      pki: api.pki,
      listen: { host: '127.0.0.1', port: 0 },
      serviceCIDRs: [],
      nodePortRange: { first: 30000, last: 32767 },
      log: silentLogger,
    },
    end.signal,
  );
  end.abort();
  await server.close();
  await assert.rejects(fetch(`https://127.0.0.1:${server.port}/healthz`));
});

test('sends the whole of an answer that is on its way when the server closes', async () => {
  const other = await startTestServer();
  const annotations = { a: 'x'.repeat(200_000) };
  for (let i = 0; i < 20; i++) {
    await other.call('POST', LEASES, { body: lease(`large-${i}`, { metadata: { annotations } }) });
  }
  const response = await other.open('GET', LEASES, {});
  const closing = other.server.close();
  let size = 0;
  for await (const chunk of response) size += (chunk as Buffer).length;
  assert.equal(size, Number(response.headers['content-length']));
  assert.ok(size > 4_000_000);
  await closing;
  await other.close();
});
