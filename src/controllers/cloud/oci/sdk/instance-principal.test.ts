import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { silentLogger } from '../../../../host/log.ts';
import type { OciCalls } from '../calls.ts';
import { startOciCalls } from './sdk.ts';
import { makeInstanceCertificate, signedBy, startTestServer, type TestServer, testConfig } from './testing.ts';

const SUBNET = { subnetId: 'ocid1.subnet.oc1.phx.aaaasubnet' };

describe('calls as an instance of OCI', () => {
  const ended = new AbortController();
  /** The public keys that came with requests for a token, by the token. */
  const keys = new Map<string, string>();
  const withdrawn = new Set<string>();
  let metadata: Server;
  let oci: TestServer;
  let calls: OciCalls;
  let isMetadataDown = true;

  before(async () => {
    const files = await metadataFiles();
    metadata = createServer((request, response) => {
      const file = files[request.url ?? ''];
      if (isMetadataDown) response.writeHead(503).end();
      else if (request.headers.authorization !== 'Bearer Oracle' || file === undefined) response.writeHead(404).end();
      else response.end(file);
    }).listen(0, '127.0.0.1');
    await once(metadata, 'listening');
    oci = await startTestServer((request, body, response) => {
      if (request.url === '/v1/x509') return giveToken(body, response);
      const token = /keyId="ST\$([^"]+)"/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      const isKnown = !withdrawn.has(token) && signedBy(request, keys.get(token) ?? '');
      answer(response, isKnown ? 200 : 401, isKnown ? {} : { code: 'NotAuthenticated', message: 'No.' });
    });
    const config = testConfig({ ...oci, privateKey: '' });
    const { port } = metadata.address() as AddressInfo;
    calls = await startOciCalls(
      {
        ...config,
        credentials: { kind: 'instance-principal' },
        region: undefined,
        endpoints: { ...config.endpoints, auth: oci.endpoint, metadata: `http://127.0.0.1:${port}/opc/v2/` },
      },
      { log: silentLogger },
      ended.signal,
    );
  });

  after(() => {
    ended.abort();
    oci.stop();
    metadata.closeAllConnections();
    metadata.close();
  });

  function giveToken(body: string, response: ServerResponse): void {
    const { publicKey } = JSON.parse(body);
    const token = tokenOf(keys.size);
    keys.set(token, `-----BEGIN PUBLIC KEY-----\n${publicKey}\n-----END PUBLIC KEY-----\n`);
    answer(response, 200, { token });
  }

  it('sends nothing while the metadata service gives no certificate', async () => {
    await assert.rejects(calls.network.getSubnet(SUBNET), { name: 'OciError', code: 'NotSent', status: undefined });
    assert.equal(keys.size, 0);
    isMetadataDown = false;
  });

  it('signs with the key of one token, however many ask at once', async () => {
    await Promise.all(Array.from({ length: 6 }, () => calls.network.getSubnet(SUBNET)));
    assert.equal(keys.size, 1);
  });

  it('gets another token, once, when OCI does not take it any more', async () => {
    for (const token of keys.keys()) withdrawn.add(token);
    await Promise.all(Array.from({ length: 6 }, () => calls.network.getSubnet(SUBNET)));
    assert.equal(keys.size, 2);
  });

  it('says so when OCI takes none', async () => {
    for (const number of [1, 2, 3]) withdrawn.add(tokenOf(number));
    await assert.rejects(calls.network.getSubnet(SUBNET), { status: 401, code: 'NotAuthenticated' });
    assert.equal(keys.size, 3);
  });
});

async function metadataFiles(): Promise<Readonly<Record<string, string>>> {
  const [leaf, intermediate] = await Promise.all([makeInstanceCertificate(), makeInstanceCertificate()]);
  return {
    '/opc/v2/instance/region': 'phx',
    '/opc/v2/identity/cert.pem': leaf.certificate,
    '/opc/v2/identity/key.pem': leaf.key,
    '/opc/v2/identity/intermediate.pem': intermediate.certificate,
  };
}

/** A JSON web token that lasts; nobody here looks at its signature. */
function tokenOf(number: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part({ sub: `instance-${number}`, exp: 4_000_000_000 })}.c2ln`;
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
