import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HELD_KINDS } from '../../api/kinds.ts';
import { kindPrefix, objectKey } from './keys.ts';

/** Where a kube-apiserver 1.34 keeps its kinds, as one that was started on an empty etcd has it. */
const KUBERNETES: Readonly<Record<string, string>> = {
  namespaces: '/registry/namespaces/',
  nodes: '/registry/minions/',
  pods: '/registry/pods/',
  services: '/registry/services/specs/',
  endpoints: '/registry/services/endpoints/',
  replicationcontrollers: '/registry/controllers/',
  events: '/registry/events/',
  secrets: '/registry/secrets/',
  configmaps: '/registry/configmaps/',
  serviceaccounts: '/registry/serviceaccounts/',
  'deployments.apps': '/registry/deployments/',
  'replicasets.apps': '/registry/replicasets/',
  'jobs.batch': '/registry/jobs/',
  'poddisruptionbudgets.policy': '/registry/poddisruptionbudgets/',
  'endpointslices.discovery.k8s.io': '/registry/endpointslices/',
  'leases.coordination.k8s.io': '/registry/leases/',
  'ipaddresses.networking.k8s.io': '/registry/ipaddresses/',
  'servicecidrs.networking.k8s.io': '/registry/servicecidrs/',
  'roles.rbac.authorization.k8s.io': '/registry/roles/',
  'rolebindings.rbac.authorization.k8s.io': '/registry/rolebindings/',
  'clusterroles.rbac.authorization.k8s.io': '/registry/clusterroles/',
  'clusterrolebindings.rbac.authorization.k8s.io': '/registry/clusterrolebindings/',
  'certificatesigningrequests.certificates.k8s.io': '/registry/certificatesigningrequests/',
  'customresourcedefinitions.apiextensions.k8s.io': '/registry/apiextensions.k8s.io/customresourcedefinitions/',
};

const resourceOf = ({ group, plural }: { group: string; plural: string }) => (group ? `${plural}.${group}` : plural);

test('every kind of Kubernetes is where a kube-apiserver looks for it', () => {
  for (const [resource, prefix] of Object.entries(KUBERNETES)) {
    const [plural = '', ...group] = resource.split('.');
    assert.equal(kindPrefix({ group: group.join('.'), plural }), prefix);
  }
});

test('every kind that is held is one of Kubernetes in that list, or lies where custom resources do', () => {
  for (const kind of HELD_KINDS) {
    const custom = `/registry/${kind.group}/${kind.plural}/`;
    const isKubernetes = !kind.group.includes('.') || kind.group.endsWith('.k8s.io');
    assert.equal(kindPrefix(kind), isKubernetes ? KUBERNETES[resourceOf(kind)] : custom, resourceOf(kind));
  }
});

test('no folder of a kind is within that of another', () => {
  const prefixes = HELD_KINDS.filter(
    (kind, i) => HELD_KINDS.findIndex(({ group, plural }) => group === kind.group && plural === kind.plural) === i,
  ).map(kindPrefix);
  for (const prefix of prefixes)
    assert.deepEqual(
      prefixes.filter((other) => other.startsWith(prefix)),
      [prefix],
    );
});

test('objects without a namespace have none in their key', () => {
  const kind = (plural: string) => {
    const found = HELD_KINDS.find((each) => each.plural === plural);
    assert.ok(found);
    return found;
  };
  assert.equal(objectKey(kind('services'), 'shop', 'web'), '/registry/services/specs/shop/web');
  assert.equal(objectKey(kind('nodes'), undefined, 'node-1'), '/registry/minions/node-1');
  assert.equal(objectKey(kind('virtualmachines'), 'shop', 'db'), '/registry/kubevirt.io/virtualmachines/shop/db');
});
