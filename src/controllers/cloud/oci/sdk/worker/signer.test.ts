import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { REGION, TENANCY } from '../../testing/cloud.ts';
import { InstanceIdentity } from '../../testing/identity.ts';
import type { ThreadData } from '../messages.ts';
import { openSigner } from './signer.ts';

describe('the signer of an instance', () => {
  let metadata: Server;
  let regionOfInstance = 'phx';

  before(async () => {
    const identity = (await InstanceIdentity.make(TENANCY)).metadataServer();
    metadata = createServer((request, response) => {
      if (request.url?.endsWith('/region')) response.end(regionOfInstance);
      else identity.emit('request', request, response);
    }).listen(0, '127.0.0.1');
    await once(metadata, 'listening');
  });

  after(() => {
    metadata.closeAllConnections();
    metadata.close();
  });

  const data = (region: string | undefined): ThreadData => ({
    credentials: { kind: 'instance-principal' },
    region,
    endpoints: { metadata: `http://127.0.0.1:${(metadata.address() as AddressInfo).port}/opc/v2` },
    ca: undefined,
  });

  it('has the region of the instance, by its full name', async () => {
    assert.equal((await openSigner(data(undefined))).region, 'us-phoenix-1');
  });

  it('needs to be told of a region that is newer than the SDK', async () => {
    regionOfInstance = REGION;
    await assert.rejects(openSigner(data(undefined)), /auth service is not known/);
    await openSigner(data(REGION));
  });
});
