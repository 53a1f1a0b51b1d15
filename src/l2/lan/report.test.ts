import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { Report } from './report.ts';
import { settle } from './testing.ts';

test('what happens to a thousand addresses at once is one line, with some of their names', async () => {
  const [clock, lines] = [new FakeClock(), [] as [object, string][]];
  const report = new Report(clock, { ...silentLogger, info: (fields, message) => lines.push([fields, message]) });
  for (let i = 0; i < 1000; i++) report.add(`10.0.${i >> 8}.${i & 255}`, { from: 'n2' }, 'taking over');
  report.add('10.1.0.0', { from: 'n3' }, 'taking over');
  assert.deepEqual(lines, []);
  await clock.advance(100);
  await settle();
  const some = Array.from({ length: 10 }, (_, i) => `10.0.0.${i}`);
  assert.deepEqual(lines, [
    [{ addresses: some, count: 1000, from: 'n2' }, 'taking over'],
    [{ addresses: ['10.1.0.0'], from: 'n3' }, 'taking over'],
  ]);
  report.add('10.1.0.0', {}, 'no longer announcing');
  await clock.advance(100);
  await settle();
  assert.deepEqual(lines.slice(2), [[{ addresses: ['10.1.0.0'] }, 'no longer announcing']]);
});
