import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textListener } from './report.ts';
import { Walk } from './walk.ts';

function walking() {
  let text = '';
  const walk = new Walk(textListener({ write: (more: string) => (text += more) }), new AbortController().signal);
  return { walk, text: () => text };
}

test('what never comes is a failed check that says what was waited for and why it did not come', async () => {
  const { walk, text } = walking();
  const never = async () => undefined;
  const record = await walk.step(1, 'A guest', async () => {
    await walk.until(
      'the guest to boot',
      0,
      never,
      async () => 'example-vm: no answer (console: Kernel panic | halted)',
    );
  });
  assert.equal(walk.ok, false);
  assert.match(record.checks[0]?.found ?? '', /^waited 0 s for the guest to boot: example-vm: .*Kernel panic/);
  assert.match(text(), /NOT OK .*Kernel panic/);
});

test('a long wait says every two seconds what it is for and what is missing', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const { walk, text } = walking();
  let looks = 0;
  const found = walk.until(
    'it',
    60_000,
    async () => (++looks > 100 ? 'there' : undefined),
    async () => 'still booting',
  );
  return (async () => {
    for (let i = 0; i <= 100; i++) {
      for (let tick = 0; tick < 5; tick++) await Promise.resolve();
      now += 50;
      t.mock.timers.tick(50);
    }
    assert.equal(await found, 'there');
    assert.deepEqual(text().trimEnd().split('\n'), [
      '   … waiting for it (2s): still booting',
      '   … waiting for it (4.1s): still booting',
    ]);
  })();
});
