import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateSigningRequest } from '../../api/certificates/v1/certificatesigningrequest.ts';
import type { CertificateRequest } from '../../api/certificates/v1/request.ts';
import type { Node } from '../../api/core/v1/node.ts';
import { AGENT_ID } from '../../api/core/v1/node-identity.ts';
import { hours, minutes } from '../../lib/duration.ts';
import { isOver, lifetimeOf, nextStep } from './desired.ts';

const asked: CertificateRequest = {
  der: new Uint8Array(),
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  otherNames: 0,
  alternativeNames: { dns: 0, ip: 0, other: 0 },
};
const JOINER = { username: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] };
const OWN = { username: 'system:node:n1', groups: ['system:nodes'] };

const request = (spec: object = {}, more: object = {}) =>
  ({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      request: '',
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['client auth', 'digital signature'],
      ...JOINER,
      ...spec,
    },
    ...more,
  }) as CertificateSigningRequest;

const node = (ready: string | undefined, id?: string) =>
  ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1', ...(id && { annotations: { [AGENT_ID]: id } }) },
    status: {
      addresses: [
        { type: 'InternalIP', address: '192.0.2.1' },
        { type: 'Hostname', address: 'n1' },
      ],
      ...(ready && { conditions: [{ type: 'Ready', status: ready }] }),
    },
  }) as Node;

const stepOf = (of: CertificateSigningRequest, there?: Node, what = asked) => {
  const step = nextStep(of, what, (name) => (name === 'n1' ? there : undefined));
  return step.kind === 'approve' ? `approve ${step.right}` : step.kind;
};
const decided = (type: string) => ({ status: { conditions: [{ type, status: 'True' }] } });

describe('what becomes of a request for a certificate', () => {
  it('is approval for whoever may join, under a name that no living node has', () => {
    assert.equal(stepOf(request()), 'approve nodeclient');
    assert.equal(stepOf(request(), node('True')), 'deny');
    assert.equal(stepOf(request(), node('False')), 'deny', 'it is there, and not well');
    assert.equal(stepOf(request(), node('Unknown')), 'approve nodeclient');
    assert.equal(stepOf(request(), node(undefined)), 'approve nodeclient', 'no agent has ever been there');
  });

  it('is approval for the agent that the node has, when it joins again', () => {
    const by = (id: string) => request({}, { metadata: { name: 'a', annotations: { [AGENT_ID]: id } } });
    assert.equal(stepOf(by('own'), node('True', 'own')), 'approve nodeclient');
    assert.equal(stepOf(by('other'), node('True', 'own')), 'deny');
    assert.equal(stepOf(by('other'), node('True')), 'deny');
  });

  it('says why a name is not given', () => {
    const step = nextStep(request(), asked, () => node('True'));
    assert.deepEqual(step, {
      kind: 'deny',
      reason: 'NameTaken',
      message: 'there is a node "n1" already, which lives, at 192.0.2.1',
    });
  });

  it('is approval of what a node asks for itself, and of nothing that it asks for another', () => {
    assert.equal(stepOf(request(OWN), node('True')), 'approve selfnodeclient');
    assert.equal(stepOf(request({ ...OWN, username: 'system:node:n2' })), 'wait');
  });

  it('is left to people for other signers, and for what is not a node’s', () => {
    assert.equal(stepOf(request({ signerName: 'kubernetes.io/kube-apiserver-client' })), 'wait');
    assert.equal(stepOf(request({ signerName: 'a.example/b' })), 'wait');
    assert.equal(stepOf(request(), undefined, { ...asked, organizations: ['system:masters'] }), 'wait');
  });

  it('is a certificate once it is approved, and failure when nobody signs such a thing', () => {
    assert.equal(stepOf(request({}, decided('Approved'))), 'sign');
    const wrong = { ...asked, alternativeNames: { dns: 1, ip: 0, other: 0 } };
    assert.equal(stepOf(request({}, decided('Approved')), undefined, wrong), 'fail');
    assert.equal(stepOf(request({ signerName: 'a.example/b' }, decided('Approved'))), 'wait');
    for (const type of ['Denied', 'Failed']) assert.equal(stepOf(request({}, decided(type))), 'wait');
    assert.equal(stepOf(request({}, { status: { certificate: 'x' } })), 'wait');
  });
});

describe('a request for a certificate', () => {
  it('is kept for an hour once it is decided, and for a day while it is not', () => {
    const made = Date.parse('2026-01-01T00:00:00Z');
    assert.equal(isOver(request(), made + hours(24)), false);
    assert.equal(isOver(request(), made + hours(24) + 1), true);
    const conditions = [{ type: 'Approved', status: 'True', lastUpdateTime: '2026-01-01T02:00:00Z' }];
    assert.equal(isOver(request({}, { status: { conditions } }), made + hours(3)), false);
    assert.equal(isOver(request({}, { status: { conditions } }), made + hours(3) + 1), true);
  });

  it('is given as long as it asks for, and no longer than the cluster gives', () => {
    assert.equal(lifetimeOf(request(), hours(24)), hours(24));
    assert.equal(lifetimeOf(request({ expirationSeconds: 3600 }), hours(24)), hours(1));
    assert.equal(lifetimeOf(request({ expirationSeconds: 90_000 }), hours(24)), hours(24));
    assert.equal(lifetimeOf(request({ expirationSeconds: 90_000 }), minutes(1)), minutes(1));
  });
});
