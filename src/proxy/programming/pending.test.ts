import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TRIGGER_TIME_ANNOTATION } from '../../api/discovery/v1/endpointslice.labels.ts';
import { slice } from '../testing/builders.ts';
import { PendingChanges, triggerOf } from './pending.ts';

test('a Service that changes several times is one change, since the first and for the earliest trigger', () => {
  const pending = new PendingChanges();
  pending.add('ns/a');
  pending.add('ns/b', 500);
  const [first] = pending.take().values();
  pending.add('ns/a', 2000);
  pending.add('ns/a');
  pending.add('ns/a', 1000);
  pending.add('ns/a', 3000);
  const taken = pending.take();
  assert.deepEqual([...taken.keys()], ['ns/a']);
  assert.equal(taken.get('ns/a')?.triggered, 1000);
  assert.equal(first?.triggered, undefined);
  assert.equal(pending.size, 0);
});

test('what could not be brought into the kernel has waited since it came', () => {
  const pending = new PendingChanges();
  pending.add('ns/a', 1000);
  const taken = pending.take();
  pending.add('ns/a', 2000);
  pending.add('ns/b');
  pending.putBack(taken);
  const again = pending.take();
  assert.deepEqual([...again.keys()], ['ns/a', 'ns/b']);
  assert.deepEqual(again.get('ns/a'), taken.get('ns/a'));
});

test('who waits until it is settled waits for what had changed by then, also when it failed once, and for nothing else', async () => {
  const pending = new PendingChanges();
  const settled: string[] = [];
  const wait = (who: string) => void pending.settled().then(() => settled.push(who));
  const turn = () => new Promise(setImmediate);
  wait('at rest');
  pending.add('ns/a');
  wait('before');
  pending.putBack(pending.take());
  wait('after a failure');
  await turn();
  assert.deepEqual(settled, ['at rest']);
  pending.take();
  wait('under way');
  pending.add('ns/b');
  wait('later');
  pending.done();
  await turn();
  assert.deepEqual(settled, ['at rest', 'before', 'after a failure', 'under way']);
  pending.take();
  pending.done();
  await turn();
  assert.deepEqual(settled.at(-1), 'later');
});

test('a write of a slice tells its trigger once, and nothing when it is no time', () => {
  const at = (time?: string) => {
    const plain = slice('web', ['10.244.1.1']);
    const annotations = time === undefined ? {} : { [TRIGGER_TIME_ANNOTATION]: time };
    return { ...plain, metadata: { ...plain.metadata, annotations } };
  };
  const time = '2026-01-01T00:00:01Z';
  assert.equal(triggerOf(at(time), undefined), Date.parse(time));
  assert.equal(triggerOf(at('2026-01-01T00:00:01.123456789Z'), at(time)), Date.parse(time) + 123);
  assert.equal(triggerOf(at(time), at(time)), undefined);
  assert.equal(triggerOf(at('yesterday'), undefined), undefined);
  assert.equal(triggerOf(at(), at(time)), undefined);
  assert.equal(triggerOf(undefined, at(time)), undefined);
});
