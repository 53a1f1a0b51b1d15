/** Certificates as kubectl and the API server see them: who asks, who approves, and what a certificate proves when. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { Agent, request as httpsRequest } from 'node:https';
import { after, before, describe, it } from 'node:test';
import { SERVER_JOINERS } from '../api/core/v1/bootstrap-token.ts';
import { makeCertificateRequest } from '../client/certificate-request.ts';
import { createClient, type ServedClient } from '../client/http-client.ts';
import { startControllers } from '../controllers/controllers.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { runCommand } from '../host/process.ts';
import type { KeyPair } from './pki/certificate.ts';
import { skipWithoutKubectl } from './testing/kubectl.ts';
import { type Json, startTestServer, type TestServer } from './testing/server.ts';

const skip = skipWithoutKubectl();
const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const NAMESPACES = '/api/v1/namespaces';
const REQUESTS = ['certificatesigningrequests/approval', 'certificatesigningrequests/status'];
const DAY = 24 * 60 * 60 * 1000;
let api: TestServer;
let client: ServedClient;
const ended = new AbortController();

before(async () => {
  api = await startTestServer();
  const { certificate, key } = api.admin;
  const server = `https://127.0.0.1:${api.server.port}`;
  client = createClient({ server, caData: api.pki.caCertificate, clientCertificate: certificate, clientKey: key });
  const signer = { sign: (wanted: Parameters<typeof api.pki.signRequest>[0]) => api.pki.signRequest(wanted) };
  const only = new Set(['certificates'] as const);
  await startControllers({ client, log: silentLogger, clusterCIDRs: [], only, signer }, ended.signal);
});
after(async () => {
  ended.abort();
  client?.close();
  await api?.close();
});

async function csr(name: string, spec: object = {}, subject = { commonName: 'jane', organizations: ['dev'] }) {
  const { key, request } = await makeCertificateRequest(subject);
  const body = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
      ...spec,
    },
  };
  return { key, body };
}

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 200; tries++) {
    const found = await look();
    if (found !== undefined && found !== '') return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('did not come about');
}

const issued = (name: string) =>
  eventually(async () => (await api.call('GET', `${CSRS}/${name}`)).body.status?.certificate as string | undefined);

describe('a request for a certificate', () => {
  it('says who asks, whatever it says itself, and makes them the user of the certificate once it is approved', {
    skip,
  }, async () => {
    const env = { KUBECONFIG: await api.kubeconfig() };
    const kubectl = async (...args: readonly string[]) => (await runCommand(['kubectl', ...args], { env })).stdout;
    const { key, body } = await csr('jane', { username: 'root', groups: ['system:masters'], expirationSeconds: 3600 });
    const made = await api.call('POST', CSRS, { body });
    assert.equal(made.code, 201, made.text);
    assert.equal(made.body.spec.username, 'admin');
    assert.deepEqual(made.body.spec.groups, ['system:masters', 'system:authenticated']);
    assert.match(
      await kubectl('get', 'csr', 'jane'),
      /^NAME +AGE +SIGNERNAME +REQUESTOR +REQUESTEDDURATION +CONDITION\njane +\S+ +kubernetes\.io\/kube-apiserver-client +admin +60m +Pending$/m,
    );
    assert.match(await kubectl('certificate', 'approve', 'jane'), /certificates\.k8s\.io\/jane approved/);
    const certificate = Buffer.from(await issued('jane'), 'base64').toString();
    assert.match(await kubectl('get', 'csr', 'jane', '--no-headers'), /Approved,Issued$/m);
    const { subject, validToDate } = new X509Certificate(certificate);
    assert.equal(subject, 'O=dev\nCN=jane');
    assert.ok(validToDate.getTime() - Date.now() <= 3_600_000);
    assert.match(await kubectl('describe', 'csr', 'jane'), /Requested Duration: +60m/);
    const whoami = await api.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      as: { certificate, key },
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    });
    assert.equal(whoami.body.status.userInfo.username, 'jane');
  });

  it('is denied for good, and never signed', { skip }, async () => {
    const env = { KUBECONFIG: await api.kubeconfig() };
    await api.call('POST', CSRS, { body: (await csr('eve')).body });
    await runCommand(['kubectl', 'certificate', 'deny', 'eve'], { env });
    const { body } = await api.call('GET', `${CSRS}/eve`);
    assert.equal(body.status.conditions[0].type, 'Denied');
    assert.match(body.status.conditions[0].lastUpdateTime, /^20/);
    assert.equal(body.status.certificate, undefined);
  });

  it('is approved and signed only by those who may for its signer, each by its own way', async () => {
    const of = (name: string, groups: readonly string[]) =>
      api.pki.issueClientCertificate({ commonName: name, organizations: groups });
    const approver = await of('approver', []);
    const rules = [
      { apiGroups: ['certificates.k8s.io'], resources: REQUESTS, verbs: ['update'] },
      {
        apiGroups: ['certificates.k8s.io'],
        resources: ['signers'],
        verbs: ['approve'],
        resourceNames: ['a.example/*'],
      },
    ];
    const RBAC = '/apis/rbac.authorization.k8s.io/v1';
    const metadata = { name: 'approver' };
    await api.call('POST', `${RBAC}/clusterroles`, {
      body: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata, rules },
    });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'approver' };
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'approver' }];
    await api.call('POST', `${RBAC}/clusterrolebindings`, {
      body: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata, roleRef, subjects },
    });
    const decide = async (name: string, part: string, status: object, as: KeyPair): Promise<Json> => {
      const { body } = await api.call('GET', `${CSRS}/${name}`);
      return api.call('PUT', `${CSRS}/${name}/${part}`, { as, body: { ...body, status } });
    };
    const approved = { conditions: [{ type: 'Approved', status: 'True' }] };
    await api.call('POST', CSRS, { body: (await csr('own', { signerName: 'a.example/x' })).body });
    await api.call('POST', CSRS, { body: (await csr('other')).body });
    const refused = await decide('other', 'approval', approved, approver);
    assert.equal(refused.code, 403);
    assert.match(
      refused.body.message,
      /user not permitted to approve requests with signerName "kubernetes.io\/kube-apiserver-client"/,
    );
    const wrongWay = await decide('own', 'status', approved, approver);
    assert.equal(wrongWay.code, 422);
    const signed = { certificate: Buffer.from(api.admin.certificate).toString('base64') };
    assert.match((await decide('own', 'status', signed, approver)).body.message, /not permitted to sign/);
    const done = await decide('own', 'approval', { ...approved, ...signed }, approver);
    assert.equal(done.code, 200, done.text);
    assert.equal(done.body.status.certificate, undefined, 'an approval does not sign');
  });

  it('never makes an administrator, or a server, of whoever asks', async () => {
    for (const group of ['system:masters', SERVER_JOINERS]) {
      const { body } = await csr('root', {}, { commonName: 'root', organizations: ['users', group] });
      const { code, body: answer } = await api.call('POST', CSRS, { body });
      assert.equal(code, 403);
      assert.ok(answer.message.endsWith(`signer with ${group} group is not allowed`), answer.message);
    }
  });

  it('is not signed when its key has not signed it', async () => {
    const { body } = await csr('forged');
    const pem = Buffer.from(body.spec.request, 'base64').toString();
    const der = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    const request = Buffer.from(forged).toString('base64');
    await api.call('POST', CSRS, { body: { ...body, spec: { ...body.spec, request } } });
    const current = (await api.call('GET', `${CSRS}/forged`)).body;
    const conditions = [{ type: 'Approved', status: 'True' }];
    await api.call('PUT', `${CSRS}/forged/approval`, { body: { ...current, status: { conditions } } });
    const failed = await eventually(async () => {
      const { body: now } = await api.call('GET', `${CSRS}/forged`);
      return now.status.conditions.find(({ type }: { type: string }) => type === 'Failed') as Json | undefined;
    });
    assert.match(failed.message, /not signed by the key|cannot be checked/);
  });
});

describe('a client certificate that has ended', () => {
  it('proves nothing any more, also on a connection that was opened before', async () => {
    const clock = new FakeClock(Date.now());
    const aged = await startTestServer({ clock });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const { certificate: cert, key } = aged.admin;
    const get = (path: string) =>
      new Promise<number>((resolve, reject) => {
        const options = {
          ...{ host: '127.0.0.1', port: aged.server.port, path, agent },
          ca: aged.pki.caCertificate,
          cert,
          key,
        };
        const request = httpsRequest(options, (response) => {
          response.resume();
          response.once('end', () => resolve(response.statusCode ?? 0));
        });
        request.once('error', reject);
        request.end();
      });
    assert.equal(await get(NAMESPACES), 200);
    clock.set(366 * DAY);
    assert.equal(await get(NAMESPACES), 401);
    assert.equal(await get('/livez'), 200, 'whether it lives, it says to everybody');
    clock.set(-366 * DAY);
    agent.destroy();
    await aged.close();
  });

  it('is answered with 401 when it is of another authority, even where anonymous clients are answered', async () => {
    const other = await startTestServer();
    assert.equal((await api.call('GET', '/version', { as: null })).code, 200);
    assert.equal((await api.call('GET', '/version', { as: other.admin })).code, 401);
    await other.close();
  });
});

describe('the API server', () => {
  it('measures how long certificates are good yet: those that clients show, and its own', async () => {
    const { text } = await api.call('GET', '/metrics');
    assert.match(text, /^apiserver_client_certificate_expiration_seconds_bucket\{le="31536000"\} [1-9]/m);
    const end = new X509Certificate(api.pki.serving.certificate).validToDate.getTime() / 1000;
    assert.match(text, new RegExp(`^postern_serving_certificate_expiration_timestamp_seconds ${end}$`, 'm'));
  });

  it('speaks nothing older than TLS 1.3 unless told otherwise', async () => {
    const { connect } = await import('node:tls');
    const speak = (maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
      new Promise<string>((resolve) => {
        const options = { host: '127.0.0.1', port: api.server.port, ca: api.pki.caCertificate, maxVersion } as const;
        const socket = connect(options, () => {
          resolve(socket.getProtocol() ?? '');
          socket.destroy();
        });
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
      });
    assert.equal(await speak('TLSv1.3'), 'TLSv1.3');
    assert.match(await speak('TLSv1.2'), /ALERT_PROTOCOL_VERSION|ECONNRESET/);
  });
});
