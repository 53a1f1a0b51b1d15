import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, PodSpec } from '../../api/core/v1/pod-spec.ts';
import { nodeRefusal, unsupportedInContainer, unsupportedInPod } from './refusals.ts';
import { container, pod } from './testing.ts';

test('a node refuses pods of other systems, and what would reach beyond the pod', () => {
  assert.equal(nodeRefusal(pod({ os: { name: 'linux' } })), undefined);
  assert.deepEqual(nodeRefusal(pod({ os: { name: 'windows' } })), {
    reason: 'PodOSNotSupported',
    message: "Failed to admit pod as the OS field doesn't match node OS",
  });
  assert.deepEqual(nodeRefusal(pod({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } })), {
    reason: 'SysctlForbidden',
    message: 'forbidden sysctl: "kernel.msgmax" not allowlisted',
  });
  assert.equal(nodeRefusal(pod({ securityContext: { supplementalGroupsPolicy: 'Merge' } })), undefined);
  assert.deepEqual(nodeRefusal(pod({ securityContext: { supplementalGroupsPolicy: 'Strict' } })), {
    reason: 'SupplementalGroupsPolicyNotSupported',
    message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
  });
});

test('what would make a pod another than was asked for is refused with what to do', () => {
  const spec = (fields: object) => pod(fields as PodSpec);
  assert.equal(unsupportedInPod(spec({ hostUsers: true, resourceClaims: [] })), undefined);
  assert.match(unsupportedInPod(spec({ hostUsers: false })) ?? '', /^hostUsers is false.*leave it out$/);
  assert.match(unsupportedInPod(spec({ runtimeClassName: 'kata' })) ?? '', /^RuntimeClass "kata" not found/);
  assert.match(unsupportedInPod(spec({ resourceClaims: [{ name: 'gpu' }] })) ?? '', /^resourceClaims are not/);
  assert.match(unsupportedInPod(spec({ resources: { limits: { cpu: '1' } } })) ?? '', /give them to its containers$/);
  const of = (fields: object) => unsupportedInContainer(container(fields as Partial<Container>));
  assert.equal(of({ volumeMounts: [{ name: 'v', mountPath: '/v', recursiveReadOnly: 'IfPossible' }] }), undefined);
  assert.match(of({ volumeDevices: [{ name: 'd', devicePath: '/d' }] }) ?? '', /use volumeMounts$/);
  assert.match(
    of({ volumeMounts: [{ name: 'v', mountPath: '/v', recursiveReadOnly: 'Enabled' }] }) ?? '',
    /IfPossible$/,
  );
});
