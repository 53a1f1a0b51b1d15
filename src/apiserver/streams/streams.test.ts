import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { after, afterEach, before, test } from 'node:test';
import type { KeyPair } from '../pki/certificate.ts';
import { type Json, startTestServer, type TestServer } from '../testing/server.ts';

const PODS = '/api/v1/namespaces/default/pods';
const STREAMS = '/apis/postern.dev/v1/nodes/n1/streams';
let api: TestServer;
let nodeUser: KeyPair;
before(async () => {
  api = await startTestServer();
  nodeUser = await api.pki.issueClientCertificate({ commonName: 'system:node:n1', organizations: ['system:nodes'] });
  await makePod('one', ['c']);
  await makePod('two', ['a', 'b']);
  const { code } = await api.call('POST', PODS, { body: pod('unscheduled', ['c'], undefined) });
  assert.equal(code, 201);
});
after(() => api?.close());
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

function pod(name: string, containers: readonly string[], nodeName: string | undefined, metadata: object = {}): Json {
  const spec = { containers: containers.map((one) => ({ name: one, image: 'i' })), nodeName };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec };
}

async function makePod(name: string, containers: readonly string[], metadata?: object): Promise<void> {
  const { code, text } = await api.call('POST', PODS, { body: pod(name, containers, 'n1', metadata) });
  assert.equal(code, 201, text);
}

/** An agent that answers with `handler`, and upgrades with `onUpgrade`; the id of every connection that it was asked for. */
async function agent(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  onUpgrade: (request: IncomingMessage, socket: Duplex) => void = () => {},
  to = api,
): Promise<string[]> {
  const server = createServer(handler).on('upgrade', onUpgrade);
  const asked: string[] = [];
  const as = to === api ? nodeUser : to.admin;
  const control = await to.open('GET', STREAMS, { as });
  assert.equal(control.statusCode, 200);
  const sockets: Duplex[] = [];
  control.on('data', (line: Buffer) => {
    for (const text of String(line).trim().split('\n')) {
      const { id } = JSON.parse(text) as { id: string };
      asked.push(id);
      void upgrade('GET', `${STREAMS}/${id}`, 'postern-stream', { as, server: to }).then(({ socket }) => {
        if (socket === undefined) return;
        sockets.push(socket);
        server.emit('connection', socket);
      });
    }
  });
  cleanUp.push(() => {
    control.destroy();
    for (const socket of sockets) socket.destroy();
  });
  return asked;
}

interface Upgraded {
  readonly code: number;
  readonly headers: IncomingMessage['headers'];
  readonly socket?: Duplex;
  readonly text: string;
}

function upgrade(
  method: string,
  path: string,
  protocol: string,
  {
    server = api,
    as = server.admin,
    headers = {},
  }: { server?: TestServer; as?: KeyPair; headers?: Record<string, string> } = {},
): Promise<Upgraded> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      ...{ host: '127.0.0.1', port: server.server.port, method, path, agent: false },
      ...{ ca: server.pki.caCertificate, cert: as.certificate, key: as.key },
      headers: { connection: 'Upgrade', upgrade: protocol, ...headers },
    });
    request.once('upgrade', (response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      socket.on('error', () => {});
      resolve({ code: 101, headers: response.headers, socket, text: '' });
    });
    request.once('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += String(chunk);
      resolve({ code: response.statusCode ?? 0, headers: response.headers, text });
    });
    request.once('error', reject);
    request.end();
  });
}

test('a log is asked of the agent of the pod’s node, and passed on as it comes', async () => {
  const asked: string[] = [];
  await agent((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end('line one\nline two\n');
  });
  const { code, text, headers } = await api.call(
    'GET',
    `${PODS}/one/log?tailLines=5&follow=true&timestamps=1&container=c`,
  );
  assert.deepEqual([code, text, headers['content-type']], [200, 'line one\nline two\n', 'text/plain']);
  assert.deepEqual(asked, ['GET /containerLogs/default/one/c?follow=true&timestamps=true&tailLines=5']);
});

test('what the agent refuses is told in its own words', async () => {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'BadRequest', code: 400 };
  const message = 'container "c" in pod "one" is waiting to start: ContainerCreating';
  await agent((_, response) => response.writeHead(400).end(JSON.stringify({ ...status, message })));
  const { code, body } = await api.call('GET', `${PODS}/one/log`);
  assert.deepEqual([code, body.reason, body.message], [400, 'BadRequest', message]);
});

test('options of a log that make no sense are refused in Kubernetes’ words', async () => {
  const cases: readonly (readonly [string, number, RegExp])[] = [
    [
      'tailLines=-1',
      422,
      /^PodLogOptions "one" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0$/,
    ],
    ['limitBytes=0', 422, /limitBytes: Invalid value: 0: must be greater than 0$/],
    [
      'sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z',
      422,
      /at most one of `sinceTime` or `sinceSeconds` may be specified/,
    ],
    ['tailLines=many', 400, /tailLines: Invalid value: "many"/],
    ['sinceTime=yesterday', 400, /sinceTime: Invalid value: "yesterday".*RFC 3339/],
    ['container=x', 400, /^container x is not valid for pod one$/],
  ];
  for (const [query, code, message] of cases) {
    const reply = await api.call('GET', `${PODS}/one/log?${query}`);
    assert.deepEqual([query, reply.code], [query, code]);
    assert.match(reply.body.message, message);
  }
  const { body } = await api.call('GET', `${PODS}/two/log`);
  assert.equal(body.message, 'a container name must be specified for pod two, choose one of: [a b]');
  assert.equal((await api.call('GET', `${PODS}/three/log`)).body.message, 'pods "three" not found');
});

test('a pod without a node has an empty log, and no host to run a command on', async () => {
  const { code, text } = await api.call('GET', `${PODS}/unscheduled/log`);
  assert.deepEqual([code, text], [200, '']);
  const refused = await upgrade('POST', `${PODS}/unscheduled/exec?command=ls&stdout=true`, 'SPDY/3.1');
  assert.equal(refused.code, 400);
  assert.match(refused.text, /pod unscheduled does not have a host assigned/);
});

test('a node whose agent is not there is named, with what to look at', async () => {
  const { code, body } = await api.call('GET', `${PODS}/one/log`);
  assert.equal(code, 503);
  assert.match(body.message, /^node "n1" is not connected.*kubectl get node n1/);
});

test('a virtual machine has no containers, and it is said what to use instead', async () => {
  const ownerReferences = [
    { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachineInstance', name: 'vm1', uid: 'u', controller: true },
  ];
  const labels = { 'kubevirt.io': 'virt-launcher', 'vm.kubevirt.io/name': 'vm1' };
  await makePod('virt-launcher-vm1-abcde', ['compute'], { labels, ownerReferences });
  const { code, body } = await api.call('GET', `${PODS}/virt-launcher-vm1-abcde/log`);
  assert.equal(code, 400);
  assert.match(body.message, /is a virtual machine.*postern vm console -n default --data-dir DIR vm1$/);
});

test('a command’s connection becomes the client’s and the agent’s own, whatever they speak, and ends with either', async () => {
  const asked: string[] = [];
  let agentEnd: Duplex | undefined;
  await agent(
    (_, response) => response.end(),
    (request, socket) => {
      asked.push(`${request.method} ${request.url}`);
      assert.deepEqual(
        [request.headers.upgrade, request.headers['x-stream-protocol-version'], request.headers.authorization],
        ['SPDY/3.1', 'v4.channel.k8s.io', undefined],
      );
      socket.write(
        'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\nhello',
      );
      socket.on('data', (data) => socket.write(`<${data}>`));
      agentEnd = socket;
    },
  );
  const { body } = await api.call('GET', `${PODS}/one`);
  const path = `${PODS}/one/exec?container=c&command=sh&command=-c&command=a%20b&stdin=true&stdout=true&tty=false`;
  const headers = { 'x-stream-protocol-version': 'v4.channel.k8s.io', authorization: 'Bearer secret' };
  const { code, socket, headers: answered } = await upgrade('POST', path, 'SPDY/3.1', { headers });
  assert.equal(code, 101);
  assert.equal(answered['x-stream-protocol-version'], 'v4.channel.k8s.io');
  assert.deepEqual(asked, [
    `POST /exec/default/one/${body.metadata.uid}/c?input=1&output=1&command=sh&command=-c&command=a+b`,
  ]);
  assert.ok(socket !== undefined && agentEnd !== undefined);
  assert.equal(await heard(socket, 5), 'hello');
  socket.write('typed');
  assert.equal(await heard(socket, 7), '<typed>');
  const ended = new Promise((resolve) => socket.once('close', resolve));
  agentEnd.destroy();
  await ended;
});

function heard(socket: Duplex, length: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const take = (data: Buffer) => {
      text += String(data);
      if (text.length < length) return;
      socket.off('data', take);
      resolve(text);
    };
    socket.on('data', take);
  });
}

test('nobody but the node itself may serve its streams, and nothing is given that was not asked for', async () => {
  const other = await api.pki.issueClientCertificate({ commonName: 'system:node:n2', organizations: ['system:nodes'] });
  const { code, body } = await api.call('GET', STREAMS, { as: other });
  assert.equal(code, 403);
  assert.match(body.message, /only system:node:n1 can$/);
  assert.equal((await upgrade('GET', `${STREAMS}/x`, 'postern-stream', { as: other })).code, 403);
  assert.equal((await upgrade('GET', `${STREAMS}/x`, 'postern-stream', { as: nodeUser })).code, 404);
  assert.equal((await api.call('GET', `${STREAMS}/x`, { as: nodeUser })).code, 400);
});

test('reading a log is get, and all else is create, for those who may not', async () => {
  const eve = await api.pki.issueClientCertificate({ commonName: 'eve', organizations: ['users'] });
  const log = await api.call('GET', `${PODS}/one/log`, { as: eve });
  assert.equal(log.code, 403);
  assert.match(
    log.body.message,
    /User "eve" cannot get resource "pods\/log" in API group "" in the namespace "default"/,
  );
  const exec = await upgrade('GET', `${PODS}/one/exec?command=ls&stdout=1`, 'websocket', { as: eve });
  assert.equal(exec.code, 403);
  assert.match(exec.text, /cannot create resource \\"pods\/exec\\"/);
});

test('the newest agent of a node is the one that is asked', async () => {
  await agent((_, response) => response.end('old'));
  await agent((_, response) => response.end('new'));
  assert.equal((await api.call('GET', `${PODS}/one/log`)).text, 'new');
});

test('a request that offers another protocol in passing is answered as any other', async () => {
  const { code, text } = await upgrade('GET', PODS, 'h2c');
  assert.equal(code, 200);
  assert.match(text, /PodList/);
  assert.equal((await upgrade('GET', PODS, 'websocket')).code, 200);
});

test('streams without a protocol, command or direction, and methods that they do not have, are refused', async () => {
  const cases: readonly (readonly [string, string, number, RegExp])[] = [
    ['GET', 'exec?command=ls&stdout=1', 400, /WebSocket or SPDY/],
    ['GET', 'exec?command=ls', 400, /at least 1 of stdin, stdout, stderr/],
    ['GET', 'exec?stdout=1', 400, /at least one command/],
    ['POST', 'log', 405, /does not allow this method/],
    ['DELETE', 'exec', 405, /does not allow this method/],
    ['GET', 'portforward?ports=80,http', 400, /ports: Invalid value: "http": must be between 1 and 65535/],
  ];
  for (const [method, path, code, message] of cases) {
    const reply = await api.call(method, `${PODS}/one/${path}`);
    assert.deepEqual([path, reply.code], [path, code]);
    assert.match(reply.body.message, message);
  }
});

test('tokens among the protocols that a browser offers stay with the API server', async () => {
  const offered: unknown[] = [];
  await agent(
    (_, response) => response.end(),
    ({ headers }, socket) => {
      offered.push(headers['sec-websocket-protocol']);
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    },
  );
  const headers = { 'sec-websocket-protocol': 'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0' };
  await upgrade('GET', `${PODS}/one/exec?command=ls&stdout=1`, 'websocket', { headers });
  assert.deepEqual(offered, ['v5.channel.k8s.io']);
});

test('a server that ends ends its streams too, and does not wait for them', async () => {
  const other = await startTestServer();
  await other.call('POST', PODS, { body: pod('one', ['c'], 'n1') });
  await agent(
    (_, response) => response.end(),
    (__, socket) => socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n'),
    other,
  );
  const { code, socket } = await upgrade('POST', `${PODS}/one/exec?command=ls&stdout=1`, 'SPDY/3.1', { server: other });
  assert.equal(code, 101);
  const ended = new Promise((resolve) => socket?.once('close', resolve).resume());
  const began = performance.now();
  await other.close();
  await ended;
  assert.ok(performance.now() - began < 4000);
});

test('discovery and OpenAPI tell of the streams', async () => {
  const { body } = await api.call('GET', '/api/v1');
  const streams = body.resources.filter(({ name }: Json) => /^pods\/(attach|exec|log|portforward)$/.test(name));
  assert.deepEqual(
    streams.map(({ name, kind, verbs }: Json) => `${name} ${kind} ${verbs}`),
    [
      'pods/attach PodAttachOptions create,get',
      'pods/exec PodExecOptions create,get',
      'pods/log Pod get',
      'pods/portforward PodPortForwardOptions create,get',
    ],
  );
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const { text } = await api.call('GET', '/api', { headers: { accept } });
  assert.match(text, /"subresource":"exec","responseKind":\{"group":"","version":"v1","kind":"PodExecOptions"\}/);
  const { paths } = (await api.call('GET', '/openapi/v3/api/v1')).body;
  const { get, post, parameters } = paths['/api/v1/namespaces/{namespace}/pods/{name}/exec'];
  assert.deepEqual([get['x-kubernetes-action'], post['x-kubernetes-action']], ['connect', 'connect']);
  assert.ok(parameters.some(({ name }: Json) => name === 'command'));
  assert.ok(paths['/api/v1/namespaces/{namespace}/pods/{name}/log'].get !== undefined);
});

test('metrics say what is open', async () => {
  await agent((_, response) => response.end());
  const { text } = await api.call('GET', '/metrics');
  assert.match(text, /^postern_connected_nodes 1$/m);
  assert.match(text, /^apiserver_longrunning_requests\{verb="CONNECT",resource="pods",subresource="log"\} 0$/m);
  assert.match(text, /^postern_node_connections 0$/m);
});
