/** Machines that join a real API server, over TLS, with its certificate controller at work. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CertificateSigningRequest } from '../../api/certificates/v1/certificatesigningrequest.ts';
import { parseCertificateRequest } from '../../api/certificates/v1/request.ts';
import { BOOTSTRAP_NAMESPACE, bootstrapSecret, bootstrapSecretName } from '../../api/core/v1/bootstrap-token.ts';
import { Node } from '../../api/core/v1/node.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { ClusterRoleBinding } from '../../api/rbac/v1/clusterrolebinding.ts';
import { startTestServer, type TestServer } from '../../apiserver/testing/server.ts';
import { makeCertificateRequest } from '../../client/certificate-request.ts';
import type { Endpoint } from '../../client/client.ts';
import { fakeClient } from '../../client/fake.ts';
import { createClient, type ServedClient } from '../../client/http-client.ts';
import { startControllers } from '../../controllers/controllers.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { hours } from '../../lib/duration.ts';
import { UserError } from '../errors.ts';
import { deleteToken, joinCommand, joinSteps, listTokens, makeToken } from './make-token.ts';
import { endpointOf, type Membership, readMembership, writeMembership } from './membership.ts';
import { joinCluster } from './node-join.ts';
import { isNodeCertificate, keepCertificate } from './rotation.ts';
import { joinAsServer } from './server-join.ts';
import { areLocal, serversForOthers } from './server-urls.ts';

const DAY = 24 * 60 * 60 * 1000;
let api: TestServer;
let admin: ServedClient;
let endpoint: Endpoint;
let dir: string;
const ended = new AbortController();

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'postern-join-'));
  api = await startTestServer();
  const { certificate, key } = api.admin;
  const server = `https://127.0.0.1:${api.server.port}`;
  endpoint = { server, caData: api.pki.caCertificate, clientCertificate: certificate, clientKey: key };
  admin = createClient(endpoint);
  const options = {
    ...{ client: admin, log: silentLogger, clusterCIDRs: [] },
    only: new Set(['certificates'] as const),
    signer: { sign: (wanted: Parameters<typeof api.pki.signRequest>[0]) => api.pki.signRequest(wanted) },
  };
  await startControllers(options, ended.signal);
});
after(async () => {
  ended.abort();
  admin?.close();
  await api?.close();
  await rm(dir, { recursive: true, force: true });
});

async function token(role: 'node' | 'server' = 'node', ttl: number | undefined = hours(1)): Promise<string> {
  const made = await makeToken(admin, { role, ttl, description: '', now: Date.now() });
  return joinCommand(endpoint, made, role).token;
}

const state = (name: string) => join(dir, name);

function joinNode(nodeName: string, options: Partial<Parameters<typeof joinCluster>[0]> = {}): Promise<Membership> {
  const given = {
    servers: [endpoint.server],
    token: undefined,
    nodeName,
    stateDir: state(nodeName),
    log: silentLogger,
  };
  return joinCluster({ ...given, ...options }, ended.signal);
}

/** What the user is told. */
async function refusal(joining: Promise<unknown>): Promise<UserError> {
  const error = await joining.then(
    () => assert.fail('it was not refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof UserError, String(error));
  assert.ok(error.remedy, 'what to do is said');
  return error;
}

describe('a machine that joins as a node', () => {
  it('is given a certificate of its own with a token, and needs none when it starts again', async () => {
    const joined = await joinNode('a', { token: await token() });
    assert.ok(isNodeCertificate(joined.certificate, 'a'));
    assert.ok(!isNodeCertificate(joined.certificate, 'b'));
    assert.equal(joined.authority, api.pki.caCertificate);
    for (const name of await readdir(state('a')))
      assert.equal((await stat(join(state('a'), name))).mode & 0o777, 0o600);
    const again = await joinNode('a', { servers: [] });
    assert.deepEqual(again, joined);
    const client = createClient(endpointOf(again));
    await client.create(Node, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } });
    await assert.rejects(client.create(Node, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'z' } }), {
      code: 403,
    });
    await assert.rejects(client.list(Secret), { code: 403 });
    client.close();
    const { items } = await admin.list(CertificateSigningRequest);
    assert.match(items[0]?.spec.username ?? '', /^system:bootstrap:[a-z0-9]{6}$/);
  });

  it('is told how to join in steps that have the token on a line of its own, and in no command', async () => {
    for (const role of ['node', 'server'] as const) {
      const made = await makeToken(admin, { role, ttl: hours(1), description: '', now: Date.now() });
      const joining = joinCommand(endpoint, made, role);
      assert.match(joining.command, / --token-file token /);
      const lines = joinSteps(joining).split('\n');
      assert.deepEqual(
        lines.filter((line) => line.includes(made.secret)),
        [joining.token],
      );
      assert.ok(lines.includes('  (umask 077; cat > token)') && lines.includes(`  ${joining.command}`));
    }
  });

  it('stays in its cluster, and says so, when servers are named that it does not know', async () => {
    await joinNode('stays', { token: await token() });
    const told: [object, string | undefined][] = [];
    const log = { ...silentLogger, warn: (...said: [object, string?]) => void told.push([said[0], said[1]]) };
    await joinNode('stays', { servers: [endpoint.server], log });
    assert.deepEqual(told, []);
    await joinNode('stays', { servers: ['https://192.0.2.9:6443'], log });
    assert.equal(told.length, 1);
    assert.match(told[0]?.[1] ?? '', /stays a node of the cluster that it joined/);
  });

  it('begins with the servers that were named, and keeps those that it knew', async () => {
    const { servers } = await joinNode('a', { servers: ['https://192.0.2.9:6443'] });
    assert.deepEqual(servers, ['https://192.0.2.9:6443', endpoint.server]);
  });

  it('joins anew with a token once its certificate has ended, by the servers that it knows', async () => {
    const kept = await joinNode('e', { token: await token() });
    const after = new X509Certificate(kept.certificate).validToDate.getTime() + 1000;
    const over = await refusal(joinNode('e', { servers: [], clock: { ...systemClock, now: () => after } }));
    assert.match(over.message, /the certificate of this node has ended, at 20/);
    const { commonName, organizations } = { commonName: 'system:node:e', organizations: ['system:nodes'] };
    const { key, request } = await makeCertificateRequest({ commonName, organizations });
    const { der } = parseCertificateRequest(request);
    const ended = await api.pki.signRequest({ der, commonName, organizations, lifetime: 1 });
    await writeMembership(state('e'), { ...kept, certificate: ended, key });
    await sleep(20);
    const again = await joinNode('e', { servers: [], token: await token() });
    assert.deepEqual(again.servers, kept.servers);
    assert.ok(isNodeCertificate(again.certificate, 'e'));
  });

  it('goes by the servers that answer', async () => {
    const servers = ['https://127.0.0.1:1', endpoint.server];
    assert.deepEqual((await joinNode('b', { servers, token: await token() })).servers, servers);
  });

  it('is told what is wrong with its token, whatever that is', async () => {
    const good = await token();
    const other = good.replace(/.$/, (letter) => (letter === 'a' ? 'b' : 'a'));
    assert.match((await refusal(joinNode('x', { token: other }))).message, /does not know the token/);
    assert.match((await refusal(joinNode('x', { token: good.slice(0, -1) }))).message, /cut off or changed/);
    assert.match((await refusal(joinNode('x', { token: '' }))).message, /it is empty/);
    assert.match((await refusal(joinNode('x', { token: 'abcdef.0123456789abcdef' }))).message, /bootstrap token alone/);
    const past = { role: 'node', ttl: hours(1), description: '', now: Date.now() - hours(2) } as const;
    const over = joinCommand(endpoint, await makeToken(admin, past), 'node').token;
    assert.match((await refusal(joinNode('x', { token: over }))).message, /has expired/);
    assert.equal(await deleteToken(admin, good), good.split('.')[2]);
    assert.match((await refusal(joinNode('x', { token: good }))).message, /has been deleted/);
    const none = await refusal(joinNode('x'));
    assert.match(none.message, /does not say which cluster/);
    assert.match(none.remedy ?? '', /postern token create/);
    assert.equal(await readMembership(state('x')), undefined);
  });

  it('tells nothing to a server of another cluster, nor to what is no server', async () => {
    const pinned = (await token()).replace(/^postern1\../, (start) =>
      start.endsWith('A') ? 'postern1.B' : 'postern1.A',
    );
    assert.match((await refusal(joinNode('x', { token: pinned }))).message, /its authority is another one/);
    const away = await refusal(joinNode('x', { token: await token(), servers: ['https://127.0.0.1:1'] }));
    assert.match(away.message, /cannot reach https:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
    assert.match(away.remedy ?? '', /listens on loopback unless told otherwise/);
  });

  it('is told when its clock is off by a year, and which way', async () => {
    const at = (offset: number): Clock => ({ ...systemClock, now: () => Date.now() + offset });
    const ahead = await refusal(joinNode('x', { token: await token(), clock: at(400 * DAY) }));
    assert.match(ahead.message, /the clock of this machine is (399|400)d ahead of that of the server/);
    assert.match((await refusal(joinNode('x', { token: await token(), clock: at(-400 * DAY) }))).message, /behind/);
  });

  it('is told when its name cannot be a node’s, or is that of a node that lives', async () => {
    assert.match(
      (await refusal(joinNode('Not_A_Name', { token: await token() }))).message,
      /cannot be called "Not_A_Name"/,
    );
    const node = await admin.create(Node, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'c' } });
    const addresses = [{ type: 'InternalIP', address: '192.0.2.3' }];
    const ready = (status: string) => ({ addresses, conditions: [{ type: 'Ready', status }] });
    const living = await admin.updateStatus(Node, { ...node, status: ready('True') });
    const taken = await refusal(joinNode('c', { token: await token() }));
    assert.match(taken.message, /there is a node "c" already, which lives, at 192\.0\.2\.3/);
    assert.match(taken.remedy ?? '', /--node-name NAME.*kubectl delete node c/);
    await admin.updateStatus(Node, { ...living, status: ready('Unknown') });
    await sleep(100);
    await joinNode('c', { token: await token() });
  });

  it('does not take what it was before for what it is to be', async () => {
    const other = { stateDir: state('a'), token: await token() };
    assert.match((await refusal(joinNode('n9', other))).message, /is the state of node "a", not of "n9"/);
    const foreign = await startTestServer();
    const token2 = { caData: foreign.pki.caCertificate, server: endpoint.server };
    await foreign.close();
    const made = await makeToken(admin, { role: 'node', ttl: undefined, description: '', now: Date.now() });
    const word = joinCommand(token2, made, 'node').token;
    assert.match((await refusal(joinNode('a', { token: word }))).message, /of another cluster than the token's/);
    await writeFile(join(state('b'), 'cluster.json'), '{"servers": 7}');
    assert.match((await refusal(joinNode('b'))).message, /cluster\.json is damaged/);
  });

  it('waits for people where nobody approves by itself, and hears when they deny', async () => {
    const name = 'postern:node-autoapprove-bootstrap';
    const binding = await admin.get(ClusterRoleBinding, { name });
    await admin.delete(ClusterRoleBinding, { name });
    const joining = joinNode('d', { token: await token() }).catch((error: unknown) => error);
    const pending = await waitingRequest();
    assert.equal(pending.status?.conditions, undefined);
    const denied = [{ type: 'Denied', status: 'True', reason: 'Because', message: 'not today' }];
    const path = `/apis/certificates.k8s.io/v1/certificatesigningrequests/${pending.metadata.name}/approval`;
    await admin.raw('PUT', path, { ...pending, status: { conditions: denied } });
    const error = await joining;
    assert.ok(error instanceof UserError);
    assert.match(error.message, /does not make "d" one of its nodes: not today/);
    const { resourceVersion: _, uid: __, ...metadata } = binding.metadata;
    await admin.create(ClusterRoleBinding, { ...binding, metadata });
  });

  async function waitingRequest(): Promise<CertificateSigningRequest> {
    for (;;) {
      const { items } = await admin.list(CertificateSigningRequest);
      const found = items.find(({ status }) => status?.certificate === undefined && status?.conditions === undefined);
      if (found !== undefined) return found;
      await sleep(20);
    }
  }
});

describe('the certificate of a node', () => {
  it('is renewed before it ends, by itself, and kept', async () => {
    const { certificate } = await joinNode('r', { token: await token() });
    const { validToDate } = new X509Certificate(certificate);
    const kept = await readMembership(state('r'));
    assert.ok(kept);
    const client = createClient(endpointOf(kept));
    const late: Clock = { ...systemClock, now: () => validToDate.getTime() - 30 * DAY };
    const stop = new AbortController();
    const renewed = await new Promise<string>((resolve) => {
      const parts = { client, nodeName: 'r', agentId: 'x', clock: late, log: silentLogger, certificate };
      const done = async (next: { certificate: string; key: string }) => {
        stop.abort();
        client.servers.renew({ clientCertificate: next.certificate, clientKey: next.key });
        resolve(next.certificate);
      };
      void keepCertificate({ ...parts, renewed: done, random: () => 0.5 }, stop.signal);
    });
    assert.notEqual(renewed, certificate);
    assert.ok(isNodeCertificate(renewed, 'r'));
    await client.create(Node, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'r' } });
    client.close();
  });

  it('is asked for in vain by one node for another', async () => {
    const kept = await readMembership(state('r'));
    assert.ok(kept);
    const client = createClient(endpointOf(kept));
    const options = { client, agentId: 'x', clock: systemClock, log: silentLogger };
    const { obtainCertificate } = await import('./certificate.ts');
    const asking = new AbortController();
    const asked = obtainCertificate({ ...options, nodeName: 'a' }, asking.signal).then(
      () => 'given',
      () => 'not given',
    );
    await sleep(400);
    asking.abort();
    assert.equal(await asked, 'not given');
    client.close();
  });
});

describe('a machine that joins as a server', () => {
  const log = silentLogger;

  it('is given the cluster’s keys with a token for servers, once, and with no other', async () => {
    const pkiDir = state('pki');
    const servers = [endpoint.server];
    const wrong = await refusal(joinAsServer({ servers, token: await token('node'), pkiDir, log }));
    assert.match(wrong.remedy ?? '', /--for server/);
    assert.match(
      (await refusal(joinAsServer({ servers, token: undefined, pkiDir, log }))).message,
      /no token was given/,
    );
    await joinAsServer({ servers, token: await token('server'), pkiDir, log });
    const ca = await readFile(join(pkiDir, 'ca.pem'), 'utf8');
    assert.equal(ca, api.pki.clusterKeys.authority.certificate + api.pki.clusterKeys.authority.key);
    for (const name of await readdir(pkiDir)) assert.equal((await stat(join(pkiDir, name))).mode & 0o777, 0o600);
    await joinAsServer({ servers: ['https://127.0.0.1:1'], token: undefined, pkiDir, log });
    const foreign = (await token('server')).replace(/^postern1\../, 'postern1.-');
    await assert.rejects(joinAsServer({ servers, token: foreign, pkiDir, log }), /authority of another cluster/);
  });
});

describe('tokens', () => {
  it('name the servers of the kubeconfig, and others only when a server of the cluster answers there', async () => {
    const elsewhere = { ...endpoint, server: 'https://192.0.2.1:6443', otherServers: ['https://[2001:db8::1]:6443'] };
    assert.deepEqual(await serversForOthers(admin, elsewhere), [elsewhere.server, ...elsewhere.otherServers]);
    // Nothing of this cluster is where this says that it is.
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['0.0.0.1'] }],
      ports: [{ name: 'https', port: 6443 }],
    } as EndpointSlice;
    assert.deepEqual(await serversForOthers(fakeClient([slice]), endpoint), [endpoint.server]);
    assert.equal(areLocal([endpoint.server]), true);
    assert.equal(areLocal([elsewhere.server]), false);
  });

  it('are listed without what is secret in them, and taken back by their id', async () => {
    const made = await makeToken(admin, { role: 'server', ttl: undefined, description: 'third rack', now: Date.now() });
    const listed = (await listTokens(admin)).find(({ id }) => id === made.id);
    assert.deepEqual(listed, { id: made.id, for: 'server', expires: undefined, description: 'third rack' });
    assert.ok(!JSON.stringify(await listTokens(admin)).includes(made.secret));
    await deleteToken(admin, made.id);
    assert.match((await refusal(deleteToken(admin, made.id))).message, /there is no token/);
    assert.match((await refusal(deleteToken(admin, 'x y'))).message, /neither a token nor its id/);
  });

  it('are good for who they say only while the Secret says so', async () => {
    const name = bootstrapSecretName('abcdef');
    const base = { id: 'abcdef', secret: '0123456789abcdef', expires: undefined, description: '' };
    const groups = ['system:bootstrappers:a'];
    const secret = bootstrapSecret({ ...base, usages: ['authentication'], groups });
    const whoami = async () => {
      const client = createClient({
        server: endpoint.server,
        caData: api.pki.caCertificate,
        token: 'abcdef.0123456789abcdef',
      });
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      try {
        const answer = await client.raw('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', body);
        return (answer as { status: { userInfo: unknown } }).status.userInfo;
      } finally {
        client.close();
      }
    };
    await admin.create(Secret, secret);
    assert.deepEqual(await whoami(), {
      username: 'system:bootstrap:abcdef',
      groups: ['system:bootstrappers', 'system:bootstrappers:a', 'system:authenticated'],
    });
    for (const data of [
      { 'usage-bootstrap-authentication': 'false' },
      { expiration: '2020-01-01T00:00:00Z' },
      { 'auth-extra-groups': 'system:masters' },
      { 'token-id': 'ghijkl' },
    ]) {
      const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
      await admin.patch(
        Secret,
        { namespace: BOOTSTRAP_NAMESPACE, name },
        { type: 'merge', body: { data: Object.fromEntries(encoded) } },
      );
      await assert.rejects(whoami(), { code: 401 }, JSON.stringify(data));
      await admin.update(Secret, secret);
    }
    await admin.delete(Secret, { namespace: BOOTSTRAP_NAMESPACE, name });
    await assert.rejects(whoami(), { code: 401 });
  });
});
