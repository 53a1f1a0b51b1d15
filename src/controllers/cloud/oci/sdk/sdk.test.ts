import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { type Clock, systemClock } from '../../../../host/clock.ts';
import { silentLogger } from '../../../../host/log.ts';
import { isNotFound, isOutOfDate, type OciCalls, OciError } from '../calls.ts';
import { type ApiKey, apiKey } from '../testing/api-key.ts';
import { authenticate } from '../testing/signature.ts';
import type { ThreadData } from './messages.ts';
import { startOciCalls } from './sdk.ts';
import {
  type Answering,
  COMPARTMENT,
  loggerTo,
  startTestServer,
  TENANCY,
  type TestServer,
  testConfig,
  USER,
} from './testing.ts';
import { startWorker, type Thread } from './thread.ts';

const SUBNET = 'ocid1.subnet.oc1.phx.aaaasubnet';
const LIST = 'ocid1.securitylist.oc1.phx.aaaalist';

describe("calls through Oracle's SDK", () => {
  const ended = new AbortController();
  const logged: string[] = [];
  let key: ApiKey;
  let server: TestServer;
  let calls: OciCalls;
  let answer: Answering = (_, __, response) => response.end();

  before(async () => {
    key = await apiKey();
    server = await startTestServer((request, body, response) => answer(request, body, response));
    const options = { log: loggerTo(logged), limits: { read: 2000, write: 300 } };
    calls = await startOciCalls(testConfig(server, key), options, ended.signal);
    // Before the first call the SDK is loaded.
    answer = json(200, {});
    await calls.network.getSubnet({ subnetId: SUBNET });
  });

  after(() => {
    ended.abort();
    server.stop();
  });

  it('answers with what OCI says, its dates and its etag', async () => {
    const timeCreated = '2026-03-01T10:20:30.000Z';
    answer = json(
      200,
      { id: SUBNET, cidrBlock: '10.0.0.0/24', timeCreated, lifecycleState: 'AVAILABLE' },
      { etag: 'e1' },
    );
    const { subnet, etag } = await calls.network.getSubnet({ subnetId: SUBNET });
    assert.equal(etag, 'e1');
    assert.equal(subnet.cidrBlock, '10.0.0.0/24');
    assert.equal(subnet.lifecycleState, 'AVAILABLE');
    assert.deepEqual(subnet.timeCreated, new Date(timeCreated));
  });

  it('reaches each service at its own version of the API', async () => {
    const targets: (string | undefined)[] = [];
    answer = (request, _, response) => {
      targets.push(request.url);
      json(200, request.url?.includes('networkLoadBalancers') ? { items: [] } : [])(request, '', response);
    };
    await calls.compute.listVnicAttachments({ compartmentId: COMPARTMENT });
    await calls.loadBalancer.listLoadBalancers({ compartmentId: COMPARTMENT });
    await calls.networkLoadBalancer.listNetworkLoadBalancers({ compartmentId: COMPARTMENT });
    assert.deepEqual(targets, [
      `/20160918/vnicAttachments?compartmentId=${COMPARTMENT}`,
      `/20170115/loadBalancers?compartmentId=${COMPARTMENT}`,
      `/20200501/networkLoadBalancers?compartmentId=${COMPARTMENT}`,
    ]);
  });

  it('signs what it sends, body included', async () => {
    const { promise, resolve } = Promise.withResolvers<{ readonly request: IncomingMessage; readonly body: string }>();
    answer = (request, body, response) => {
      resolve({ request, body });
      json(200, { id: LIST })(request, body, response);
    };
    const updateSecurityListDetails = { displayName: 'Zürich' };
    await calls.network.updateSecurityList({ securityListId: LIST, updateSecurityListDetails, ifMatch: 'e1' });
    const { request, body } = await promise;
    assert.equal(request.headers['if-match'], 'e1');
    assertSigned(request, body, key);
  });

  it('sends and signs names and page tokens that are no plain words', async () => {
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    answer = (request, body, response) => {
      resolve(request);
      json(200, [])(request, body, response);
    };
    const odd = { displayName: 'a&b=c #1 ü', page: 'p+/=%20' };
    await calls.loadBalancer.listLoadBalancers({ compartmentId: COMPARTMENT, ...odd });
    const request = await promise;
    const { searchParams } = new URL(request.url ?? '', server.endpoint);
    assert.deepEqual(Object.fromEntries(searchParams), { compartmentId: COMPARTMENT, ...odd });
    assertSigned(request, '', key);
  });

  it('says why OCI refuses, with the id of the request and when to ask again', async () => {
    const id = { 'opc-request-id': 'R1' };
    answer = json(429, { code: 'TooManyRequests', message: 'Slow down.' }, { ...id, 'retry-after': '7' });
    const throttled = await failureOf(calls.network.getVcn({ vcnId: 'ocid1.vcn.oc1.phx.aaaavcn' }));
    assert.equal(throttled.message, 'getVcn: 429 TooManyRequests: Slow down.');
    const { status, code, requestId, retryAfter } = throttled;
    assert.deepEqual(
      { status, code, requestId, retryAfter },
      { status: 429, code: 'TooManyRequests', requestId: 'R1', retryAfter: 7000 },
    );
    answer = json(404, { code: 'NotAuthorizedOrNotFound', message: 'No.' }, id);
    assert.ok(isNotFound(await failureOf(calls.network.getSubnet({ subnetId: SUBNET }))));
    answer = json(412, { code: 'NoEtagMatch', message: 'No.' }, id);
    const update = { securityListId: LIST, updateSecurityListDetails: {}, ifMatch: 'old' };
    assert.ok(isOutOfDate(await failureOf(calls.network.updateSecurityList(update))));
  });

  it('waits until a date that an answer names', async () => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    answer = json(503, { code: 'ServiceUnavailable', message: 'Later.' }, { 'retry-after': date });
    const { retryAfter = 0 } = await failureOf(calls.network.getSubnet({ subnetId: SUBNET }));
    assert.ok(retryAfter > 50_000 && retryAfter <= 60_000, String(retryAfter));
  });

  it('shortens what is no answer of OCI, onto one line', async () => {
    answer = (_, __, response) =>
      response.writeHead(502).end(`<html>\n\u001b[31m${'bad gateway '.repeat(1000)}</html>`);
    const failed = await failureOf(calls.network.getSubnet({ subnetId: SUBNET }));
    assert.equal(failed.status, 502);
    assert.ok(failed.message.length < 1100, String(failed.message.length));
    assert.doesNotMatch(failed.message, /\p{Cc}/u);
  });

  it('asks once: neither failures nor refusals are tried again', async () => {
    let asked = 0;
    answer = (request, body, response) => {
      asked++;
      json(500, { code: 'InternalServerError', message: 'Oops.' })(request, body, response);
    };
    await failureOf(calls.network.getSubnet({ subnetId: SUBNET }));
    assert.equal(asked, 1);
  });

  it('asks for a read again when the connection breaks, and for nothing else', async () => {
    const broken: string[] = [];
    answer = (request, body, response) => {
      if (broken.length === 1 && request.method === 'GET') return json(200, { id: SUBNET })(request, body, response);
      broken.push(request.method ?? '');
      request.socket.destroy();
    };
    assert.equal((await calls.network.getSubnet({ subnetId: SUBNET })).subnet.id, SUBNET);
    const failed = await failureOf(
      calls.network.updateSecurityList({ securityListId: LIST, updateSecurityListDetails: {} }),
    );
    assert.deepEqual(broken, ['GET', 'PUT']);
    assert.equal(failed.code, 'Unreachable');
  });

  it('gives up on an answer that does not come, and on one that does not end', async () => {
    answer = () => {};
    const update = { securityListId: LIST, updateSecurityListDetails: {} };
    assert.equal((await failureOf(calls.network.updateSecurityList(update))).code, 'Timeout');
    answer = (_, __, response) => void response.writeHead(200).write('{');
    assert.equal((await failureOf(calls.network.updateSecurityList(update))).code, 'Timeout');
  });

  it('takes an answer that it cannot read for one that may come again', async () => {
    answer = (_, __, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":');
    const failed = await failureOf(calls.network.getSubnet({ subnetId: SUBNET }));
    assert.equal(failed.code, 'Unreachable');
  });

  it('does not send a request that is not whole, and says what it lacks', async () => {
    const failed = await failureOf(calls.network.getSubnet({ subnetId: '' }));
    assert.equal(failed.status, 400);
    assert.match(failed.message, /getSubnet: .*subnetId/);
  });

  it('keeps its connections', async () => {
    answer = json(200, {});
    await calls.network.getSubnet({ subnetId: SUBNET });
    const soFar = server.connections();
    for (let n = 0; n < 5; n++) await calls.network.getSubnet({ subnetId: SUBNET });
    assert.equal(server.connections(), soFar);
  });

  it('loads the SDK in no thread but its own', () => {
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    assert.deepEqual(
      loaded.filter((path) => /node_modules\/oci-/.test(path)),
      [],
    );
  });

  it('tells the log what was asked and what came of it', async () => {
    logged.length = 0;
    answer = json(404, { code: 'NotAuthorizedOrNotFound', message: 'No.' }, { 'opc-request-id': 'R7' });
    await failureOf(calls.network.getSubnet({ subnetId: SUBNET }));
    assert.match(logged.join('\n'), /operation: 'getSubnet'.*status: 404.*requestId: 'R7'/s);
  });

  it('lets its secrets out nowhere', async () => {
    answer = (_, __, response) => response.writeHead(401).end('{"code":"NotAuthenticated","message":"No."}');
    const failed = await failureOf(calls.network.getSubnet({ subnetId: SUBNET }));
    const config = testConfig(server, key);
    const shown = [
      ...logged,
      inspect(failed, { depth: 9 }),
      inspect(config, { depth: 9 }),
      JSON.stringify(config),
    ].join('\n');
    const secret = key.privateKey.split('\n')[1] ?? '';
    assert.ok(secret.length > 40);
    assert.ok(!shown.includes(secret));
    assert.doesNotMatch(shown, /PRIVATE KEY|Signature version|authorization/i);
  });
});

it('goes on with another thread when the one that has the SDK dies', async () => {
  const ended = new AbortController();
  const held = Promise.withResolvers<void>();
  let isHeld = true;
  const server = await startTestServer((request, body, response) => {
    if (isHeld) held.resolve();
    else json(200, { id: SUBNET })(request, body, response);
  });
  const threads: Thread[] = [];
  const startThread = (data: ThreadData) => {
    const thread = startWorker(data);
    threads.push(thread);
    return thread;
  };
  const sleep: Clock['sleep'] = (ms, signal) => systemClock.sleep(ms > 5000 ? ms : 0, signal);
  const clock: Clock = { ...systemClock, sleep };
  const config = testConfig(server, await apiKey());
  const { network } = await startOciCalls(config, { log: silentLogger, clock, startThread }, ended.signal);
  const lost = failureOf(network.getSubnet({ subnetId: SUBNET }));
  await held.promise;
  isHeld = false;
  threads[0]?.terminate();
  assert.equal((await lost).code, 'Unreachable');
  await systemClock.sleep(0);
  assert.equal((await network.getSubnet({ subnetId: SUBNET })).subnet.id, SUBNET);
  assert.equal(threads.length, 2);
  ended.abort();
  server.stop();
});

function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answering {
  return (_request: IncomingMessage, _body: string, response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}

async function failureOf(call: Promise<unknown>): Promise<OciError> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof OciError, String(error));
    return error;
  }
  return assert.fail('it succeeded');
}

function assertSigned({ method = '', url = '', headers }: IncomingMessage, body: string, key: ApiKey): void {
  const request = { method, target: url, headers: headers as Readonly<Record<string, string>>, body };
  const keyId = `${TENANCY}/${USER}/${key.fingerprint}`;
  authenticate(request, (asked) => (asked === keyId ? key.publicKey : undefined), Date.now());
}
