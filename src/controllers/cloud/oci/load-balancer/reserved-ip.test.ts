import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestCloud } from '../testing/test-cloud.ts';
import { reservePublicIp } from '../testing/world.ts';
import { reservedIp } from './reserved-ip.ts';

const ADDRESS = '192.0.2.77';

function cloudWith(change: Readonly<Record<string, unknown>>) {
  const cloud = new TestCloud();
  const { id = '' } = reservePublicIp(cloud.state, ADDRESS);
  cloud.state.publicIps.patch(id, change);
  return { id, look: () => reservedIp(cloud.calls().network, ADDRESS) };
}

test('a reserved address that nothing has may be asked for', async () => {
  for (const lifecycleState of ['AVAILABLE', 'UNASSIGNED']) {
    const { id, look } = cloudWith({ lifecycleState });
    assert.deepEqual(await look(), { kind: 'reserved', id }, lifecycleState);
  }
});

test('one that something else has, that is not reserved, or that is not there is refused, with what to do', async () => {
  for (const [change, why] of [
    [{ lifecycleState: 'ASSIGNED' }, /something else has it \(ASSIGNED\): free it, or name another$/],
    [{ lifecycleState: 'ASSIGNING' }, /something else has it/],
    [{ lifetime: 'EPHEMERAL' }, /it is not reserved: reserve one, and name that$/],
    [{ ipAddress: '192.0.2.78' }, /there is no such public address, or it may not be seen/],
  ] as const) {
    const outcome = await cloudWith(change).look();
    assert.equal(outcome.kind, 'refused');
    assert.match(outcome.kind === 'refused' ? outcome.why : '', why);
  }
});
