import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { OciCalls } from '../calls.ts';
import { type OciServer, startOciServer } from '../testing/server.ts';
import { startOciCalls } from './sdk.ts';
import { loggerTo } from './testing.ts';

describe('calls as an instance of OCI', () => {
  const ended = new AbortController();
  let oci: OciServer;
  let metadata: Server;
  const logged: string[] = [];
  let isMetadataDown = true;
  let calls: OciCalls;

  before(async () => {
    oci = await startOciServer({ as: 'instance-principal' });
    const { endpoints, ...config } = oci.config({ region: undefined });
    const real = endpoints.metadata ?? '';
    metadata = createServer(async ({ url = '', headers: { authorization = '' } }, response) => {
      if (isMetadataDown) return response.writeHead(503).end();
      const answer = await fetch(new URL(url, real), { headers: { authorization } });
      return response.writeHead(answer.status).end(await answer.text());
    }).listen(0, '127.0.0.1');
    await once(metadata, 'listening');
    const { port } = metadata.address() as AddressInfo;
    const near = { ...endpoints, metadata: `http://127.0.0.1:${port}/opc/v2/` };
    calls = await startOciCalls({ ...config, endpoints: near }, { log: loggerTo(logged) }, ended.signal);
  });

  after(async () => {
    ended.abort();
    metadata.closeAllConnections();
    metadata.close();
    await oci.stop();
  });

  const given = () => oci.identity?.given;
  const ask = () => calls.network.getSubnet({ subnetId: oci.world.subnet1 });
  const askAtOnce = () => Promise.all(Array.from({ length: 6 }, ask));

  it('sends nothing while the metadata service gives no certificate', async () => {
    await assert.rejects(ask(), { name: 'OciError', code: 'NotSent', status: undefined });
    assert.equal(oci.requests.length, 0);
    isMetadataDown = false;
  });

  it('signs with the key of one token, however many ask at once', async () => {
    await askAtOnce();
    assert.equal(given(), 1);
  });

  it('gets another token, once, when OCI does not take it any more', async () => {
    oci.identity?.withdraw();
    await askAtOnce();
    assert.equal(given(), 2);
  });

  it('says so when OCI takes none', async () => {
    oci.fail({ when: { call: 'getSubnet', times: 2 }, how: { status: 401, code: 'NotAuthenticated' } });
    await assert.rejects(ask(), { status: 401, code: 'NotAuthenticated' });
    assert.equal(given(), 3);
  });

  it('lets neither tokens nor keys out', () => {
    assert.match(logged.join('\n'), /getSubnet/);
    assert.doesNotMatch(logged.join('\n'), /eyJ|ST\$|PRIVATE KEY|signature=/);
  });
});
