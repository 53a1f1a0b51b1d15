import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../../host/clock.ts';
import { OciError } from '../calls.ts';
import { OPERATIONS } from '../sdk/operations.ts';
import { operations } from './operations.ts';
import { refused } from './refused.ts';
import { TestCloud } from './test-cloud.ts';

/** A call that changes something, and how often it was done. */
function renaming(cloud: TestCloud) {
  const securityListId = cloud.world.securityLists[cloud.world.subnet1] ?? '';
  const { network } = cloud.calls();
  return {
    rename: (displayName: string) =>
      network.updateSecurityList({ securityListId, updateSecurityListDetails: { displayName } }),
    name: () => cloud.state.securityLists.get(securityListId)?.displayName,
  };
}

const unanswered = (code: string) => (error: unknown) =>
  error instanceof OciError && error.status === undefined && error.code === code;

test('a fault meets the request that it is for, as often as it says', async () => {
  const cloud = new TestCloud();
  const { rename, name } = renaming(cloud);
  const how = { status: 429, code: 'TooManyRequests', retryAfter: 3 };
  const fault = cloud.fail({ when: { call: 'network.updateSecurityList', nth: 2, times: 2 }, how });
  await rename('a');
  await assert.rejects(rename('b'), (error) => error instanceof OciError && error.retryAfter === 3000);
  await assert.rejects(rename('c'), refused(429, 'TooManyRequests'));
  await rename('d');
  assert.deepEqual([name(), fault.met()], ['d', 2]);
});

test('an answer can be lost before and after the thing is done', async () => {
  const cloud = new TestCloud();
  const { rename, name } = renaming(cloud);
  const when = { method: 'PUT', path: /^\/20160918\/securityLists\// };
  cloud.fail({ when, how: 'drop' });
  await assert.rejects(rename('dropped'), unanswered('Unreachable'));
  assert.equal(name(), 'lb1 security list');
  for (const [how, code] of [
    ['drop-after-doing', 'Unreachable'],
    ['half', 'Unreachable'],
    ['timeout-after-doing', 'Timeout'],
  ] as const) {
    cloud.fail({ when, how });
    await assert.rejects(rename(how), unanswered(code));
    assert.equal(name(), how);
  }
});

test('requests are remembered with what was answered', async () => {
  const cloud = new TestCloud();
  await renaming(cloud).rename('seen');
  const [{ service, call, method, body, status } = {}] = cloud.requests;
  assert.deepEqual(
    { service, call, method, body, status },
    { service: 'network', call: 'updateSecurityList', method: 'PUT', body: { displayName: 'seen' }, status: 200 },
  );
  cloud.forget();
  assert.deepEqual(cloud.requests, []);
});

test('work can take a time of the clock', async () => {
  const clock = new FakeClock();
  const cloud = new TestCloud({ clock, pace: { kind: 'time', milliseconds: 1000 } });
  const { networkLoadBalancer: calls } = cloud.calls();
  const { compartmentId, subnet1: subnetId } = cloud.world;
  const { opcWorkRequestId: workRequestId } = await calls.createNetworkLoadBalancer({
    createNetworkLoadBalancerDetails: { compartmentId, subnetId, displayName: 'x' },
  });
  const status = async () => (await calls.getWorkRequest({ workRequestId })).workRequest.status;
  assert.equal(await status(), 'IN_PROGRESS');
  await clock.advance(999);
  assert.equal(await status(), 'IN_PROGRESS');
  await clock.advance(1);
  assert.equal(await status(), 'SUCCEEDED');
});

test('every call that we make is in the table once, and each place answers one method once', () => {
  const names = operations.map(({ service, name }) => `${service}.${name}`);
  const places = operations.map(({ service, method, path }) => `${service} ${method} ${path}`);
  const made = Object.entries(OPERATIONS).flatMap(([service, calls]) =>
    Object.keys(calls).map((call) => `${service}.${call}`),
  );
  assert.deepEqual(names.toSorted(), made.toSorted());
  assert.equal(new Set(places).size, places.length);
});

test('what somebody deletes by hand is gone, and so is what was being done to it', async () => {
  const cloud = new TestCloud({ pace: { kind: 'manual' } });
  const { networkLoadBalancer: calls } = cloud.calls();
  const { compartmentId, subnet1: subnetId } = cloud.world;
  const { networkLoadBalancer } = await calls.createNetworkLoadBalancer({
    createNetworkLoadBalancerDetails: { compartmentId, subnetId, displayName: 'x' },
  });
  const { id: networkLoadBalancerId } = networkLoadBalancer;
  cloud.deleteByHand(networkLoadBalancerId);
  assert.equal(cloud.state.work.running(networkLoadBalancerId), undefined);
  await assert.rejects(
    calls.getNetworkLoadBalancer({ networkLoadBalancerId }),
    refused(404, 'NotAuthorizedOrNotFound'),
  );
  assert.throws(() => cloud.deleteByHand(networkLoadBalancerId), /there is no/);
});

test('an id that looks like a path leads nowhere else', async () => {
  const cloud = new TestCloud();
  const { loadBalancer } = cloud.calls();
  const loadBalancerId = '../../20160918/vcns';
  await assert.rejects(loadBalancer.getLoadBalancer({ loadBalancerId }), refused(404, 'NotAuthorizedOrNotFound'));
});
