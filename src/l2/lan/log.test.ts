import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forwardingLogger } from './log.ts';
import type { FromLan } from './messages.ts';

function lines() {
  const told: FromLan[] = [];
  // What cannot cross to another thread throws here, as it would there.
  return { told, log: forwardingLogger((message) => told.push(structuredClone(message))) };
}

test('an error crosses with what it says, where it comes from and why', () => {
  const { told, log } = lines();
  const cause = Object.assign(new Error('no such device'), { code: 'ENODEV' });
  log.child({ interface: 'eth0' }).warn({ err: new Error('cannot announce', { cause }) }, 'retrying');
  const [line] = told;
  assert.ok(line?.kind === 'log');
  assert.deepEqual([line.level, line.message, line.fields['interface']], ['warn', 'retrying', 'eth0']);
  const err = line.fields['err'] as Record<string, unknown>;
  assert.equal(err['message'], 'cannot announce');
  assert.match(String(err['stack']), /log\.test/);
  assert.equal((err['cause'] as Record<string, unknown>)['code'], 'ENODEV');
});

test('whatever is logged crosses, as far as it is data', () => {
  const { told, log } = lines();
  const socket = { fd: 3, close() {} };
  log.debug({ socket, close: socket.close, none: undefined, list: ['a'], count: 1 }, 'opened');
  assert.deepEqual(told[0]?.kind === 'log' && told[0].fields, {
    ...{ socket: { fd: 3 }, close: null, none: undefined, list: ['a'], count: 1 },
  });
});
