import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ContainerPort } from '../../api/core/v1/pod-spec.ts';
import { refusalOf } from './admission.ts';
import { podOf, WEB } from './testing.ts';

const allocatable = { cpu: '2', memory: '1Gi', pods: '3' };
const withPort = (port: Partial<ContainerPort>, spec = {}) =>
  podOf('p', { ...spec, containers: [{ ...WEB, ports: [{ containerPort: 80, ...port }] }] });
const asking = (cpu: string) => podOf('p', { containers: [{ ...WEB, resources: { requests: { cpu } } }] });

describe('a node refuses a pod', () => {
  for (const { why, pod, other, reason } of [
    { why: 'whose port is taken', pod: { hostPort: 80 }, other: { hostPort: 80 }, reason: 'NodePorts' },
    {
      why: 'of another protocol not',
      pod: { hostPort: 80, protocol: 'UDP' },
      other: { hostPort: 80 },
      reason: undefined,
    },
    {
      why: 'of another address not',
      pod: { hostPort: 80, hostIP: '192.0.2.1' },
      other: { hostPort: 80, hostIP: '192.0.2.2' },
      reason: undefined,
    },
    {
      why: 'that wants a port on all addresses',
      pod: { hostPort: 80, hostIP: '0.0.0.0' },
      other: { hostPort: 80, hostIP: '192.0.2.2' },
      reason: 'NodePorts',
    },
    { why: 'without a port of the node not', pod: {}, other: {}, reason: undefined },
  ] as const) {
    it(why, () => {
      assert.equal(refusalOf(withPort(pod), { others: [withPort(other)], allocatable })?.reason, reason);
    });
  }

  it('on its own network whose port another has as a port of the node', () => {
    const own = withPort({}, { hostNetwork: true });
    assert.equal(refusalOf(own, { others: [withPort({ hostPort: 80 })], allocatable })?.reason, 'NodePorts');
  });

  it('that asks for more than is left', () => {
    assert.equal(refusalOf(asking('500m'), { others: [asking('1500m')], allocatable }), undefined);
    assert.deepEqual(refusalOf(asking('600m'), { others: [asking('1500m')], allocatable }), {
      phase: 'Failed',
      reason: 'OutOfcpu',
      message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 600, used: 1500, capacity: 2000",
    });
  });

  it('when it has as many as it may', () => {
    const others = [podOf('a'), podOf('b'), podOf('c')];
    assert.equal(refusalOf(podOf('d'), { others, allocatable })?.reason, 'OutOfpods');
  });
});
