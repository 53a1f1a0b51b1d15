import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Attempt } from './authorizer.ts';
import { nodeAuthorizer } from './node-authorizer.ts';
import { NodeGraph } from './nodes/graph.ts';
import type { User } from './user.ts';

const agentOf = (node: string): User => ({ name: `system:node:${node}`, groups: ['system:nodes'] });

const pod = (name: string, nodeName: string | undefined, spec: object = {}, metadata: object = {}) =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', ...metadata },
    spec: { containers: [], ...(nodeName && { nodeName }), ...spec },
  }) as Pod;

/** `VERB GROUP/RESOURCE[/SUBRESOURCE] [NAMESPACE/]NAME? SELECTOR?` */
function attempt(text: string): Attempt {
  const [verb = '', what = '', where = '', fieldSelector] = text.split(' ');
  const [group = '', resource = '', subresource] = what.split('/');
  const [namespace, name] = where.includes('/') ? where.split('/') : [undefined, where];
  return {
    ...{ kind: 'resource', verb, group, resource, subresource },
    namespace: namespace || undefined,
    name: name || undefined,
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}

function world(...pods: readonly Pod[]) {
  const graph = new NodeGraph();
  for (const one of pods) graph.set(`/${one.metadata.name}`, one);
  const authorizer = nodeAuthorizer(graph);
  const may = (text: string, user = agentOf('n1')) => authorizer.decide(user, attempt(text)).kind === 'allow';
  return { graph, authorizer, may };
}

describe('the node authorizer', () => {
  it('lets agents read what every node has to know, and nothing that is for people', () => {
    const { may } = world();
    for (const resource of [
      '/services',
      '/nodes',
      'discovery.k8s.io/endpointslices',
      'metallb.io/ipaddresspools',
      'metallb.io/l2advertisements',
      'metallb.io/servicel2statuses',
    ]) {
      for (const verb of ['get', 'list', 'watch']) assert.ok(may(`${verb} ${resource}`), `${verb} ${resource}`);
    }
    for (const text of [
      'list /secrets',
      'list /configmaps',
      'list /namespaces',
      'list rbac.authorization.k8s.io/clusterroles',
      'create /services shop/',
      'update discovery.k8s.io/endpointslices shop/web',
      'delete /nodes n1',
      'create /pods shop/',
      'patch /pods shop/a',
      'create /pods/exec shop/a',
      'deletecollection /pods shop/',
      'impersonate /users admin',
      'escalate rbac.authorization.k8s.io/clusterroles x',
    ]) {
      assert.ok(!may(text), text);
    }
  });

  it('has no say in what others do', () => {
    const { authorizer } = world();
    const users = [
      { name: 'system:node:n1', groups: ['system:authenticated'] },
      { name: 'admin', groups: ['system:nodes'] },
      { name: 'system:anonymous', groups: [] },
    ];
    for (const user of users) assert.equal(authorizer.decide(user, attempt('list /services')).kind, 'pass');
    assert.equal(authorizer.decide(agentOf('n1'), { kind: 'path', verb: 'get', path: '/metrics' }).kind, 'pass');
  });

  it('lets an agent change its own Node and leases, and those of no other', () => {
    const { may } = world();
    assert.ok(may('create /nodes'));
    for (const verb of ['update', 'patch']) {
      assert.ok(may(`${verb} /nodes n1`));
      assert.ok(may(`${verb} /nodes/status n1`));
      assert.ok(!may(`${verb} /nodes n2`));
      assert.ok(!may(`${verb} /nodes/status n2`));
      assert.ok(may(`${verb} coordination.k8s.io/leases kube-node-lease/n1`));
      assert.ok(!may(`${verb} coordination.k8s.io/leases kube-node-lease/n2`));
      assert.ok(may(`${verb} coordination.k8s.io/leases metallb-system/postern-l2.n1`));
      assert.ok(!may(`${verb} coordination.k8s.io/leases metallb-system/postern-l2.n2`));
      assert.ok(!may(`${verb} coordination.k8s.io/leases kube-system/postern-controllers`));
    }
  });

  it('lets an agent list the pods that are selected by its own node, and no others', () => {
    const { may } = world();
    assert.ok(may('list /pods / spec.nodeName=n1'));
    assert.ok(may('watch /pods / spec.nodeName==n1'));
    assert.ok(may('watch /pods / status.phase=Running,spec.nodeName=n1'));
    for (const selector of ['spec.nodeName=n2', 'spec.nodeName!=n1', 'status.phase=Running', 'spec.nodeName=']) {
      assert.ok(!may(`list /pods / ${selector}`), selector);
    }
    assert.ok(!may('list /pods'));
  });

  it('lets an agent read what its pods name, one by one, and only while they are there', () => {
    const naming = pod('a', 'n1', {
      imagePullSecrets: [{ name: 'pull' }],
      volumes: [
        { name: 's', secret: { secretName: 'tls' } },
        { name: 'p', projected: { sources: [{ configMap: { name: 'ca' } }, { secret: { name: 'projected' } }] } },
      ],
      initContainers: [{ name: 'i', envFrom: [{ secretRef: { name: 'env' } }] }],
      containers: [{ name: 'c', env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'conf', key: 'x' } } }] }],
    });
    const { graph, may } = world(naming, pod('b', 'n2', { volumes: [{ name: 's', secret: { secretName: 'tls' } }] }));
    for (const name of ['pull', 'tls', 'projected', 'env']) assert.ok(may(`get /secrets shop/${name}`), name);
    for (const name of ['ca', 'conf']) assert.ok(may(`watch /configmaps shop/${name}`), name);
    assert.ok(may('list /secrets shop/ metadata.name=tls'));
    assert.ok(!may('list /secrets shop/'));
    assert.ok(!may('get /secrets shop/other'));
    assert.ok(!may('get /secrets bank/tls'));
    assert.ok(!may('get /configmaps shop/tls'));
    assert.ok(!may('get /secrets shop/pull', agentOf('n2')));
    graph.set('/a', undefined);
    assert.ok(!may('get /secrets shop/tls'));
    assert.ok(may('get /secrets shop/tls', agentOf('n2')), 'the other pod names it still');
  });

  it('tells an agent that a pod of its own is gone, and lets it change its own only', () => {
    const owner = {
      ownerReferences: [{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachineInstance', name: 'vm', uid: 'u' }],
    };
    const { graph, may } = world(pod('a', 'n1', {}, owner), pod('b', 'n2'), pod('c', undefined));
    const texts = [
      'get /pods shop/a',
      'delete /pods shop/a',
      'update /pods/status shop/a',
      'create /pods/eviction shop/a',
    ];
    const guest = [
      'get kubevirt.io/virtualmachineinstances shop/vm',
      'update kubevirt.io/virtualmachineinstances/status shop/vm',
    ];
    for (const text of [...texts, ...guest]) {
      assert.ok(may(text), text);
      assert.ok(!may(text, agentOf('n2')), text);
      assert.ok(!may(text.replace('shop/a', 'shop/b').replace('shop/vm', 'shop/other')), text);
    }
    assert.ok(!may('get /pods shop/c'));
    graph.set('/a', undefined);
    for (const text of [...texts, ...guest]) assert.ok(may(text), `${text}, once it is gone`);
    graph.set('/a2', pod('a', 'n2'));
    assert.ok(!may('get /pods shop/a'), 'another pod of that name');
  });

  it('lets announcers read and make the key of heartbeats, and no other Secret', () => {
    const { may } = world();
    assert.ok(may('get /secrets metallb-system/postern-l2-heartbeat'));
    assert.ok(may('create /secrets metallb-system/'));
    assert.ok(!may('update /secrets metallb-system/postern-l2-heartbeat'));
    assert.ok(!may('get /secrets metallb-system/memberlist'));
    assert.ok(!may('create /secrets kube-system/'));
  });
});
