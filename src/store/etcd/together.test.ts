import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Together } from './together.ts';

/** Writes that end when they are told to, and in which order they were sent. */
function writes() {
  const together = new Together();
  const sent: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<void>>();
  return {
    sent,
    write(name: string): Promise<void> {
      const end = Promise.withResolvers<void>();
      ends.set(name, end);
      return together.run(() => {
        sent.push(name);
        return end.promise;
      });
    },
    end: (name: string) => ends.get(name)?.resolve(),
    fail: (name: string) => ends.get(name)?.reject(new Error(name)),
  };
}

/** Long enough for what waits to stop waiting. */
const WAITED = 50;
const late = () => new Promise((resolve) => setTimeout(resolve, WAITED));

describe('writes that leave together', () => {
  test('one alone is sent at once, and those that come meanwhile when it is answered, in their order', async () => {
    const { sent, write, end } = writes();
    const first = write('a');
    assert.deepEqual(sent, ['a']);
    const others = ['b', 'c'].map(write);
    await turn();
    assert.deepEqual(sent, ['a']);
    end('a');
    await first;
    const next = write('d');
    await turn();
    assert.deepEqual(sent, ['a', 'b', 'c']);
    end('b');
    await turn();
    assert.deepEqual(sent, ['a', 'b', 'c'], 'while one of them is under way');
    end('c');
    await Promise.all(others);
    await turn();
    assert.deepEqual(sent, ['a', 'b', 'c', 'd']);
    end('d');
    await next;
  });

  test('none waits for long for one that is not answered', async () => {
    const { sent, write, end } = writes();
    const all = ['a', 'b', 'c'].map(write);
    await late();
    assert.deepEqual(sent, ['a', 'b', 'c']);
    for (const name of sent) end(name);
    await Promise.all(all);
    const again = write('d');
    assert.deepEqual(sent, ['a', 'b', 'c', 'd']);
    end('d');
    await again;
  });

  test('one that fails lets the next leave', async () => {
    const { sent, write, end, fail } = writes();
    const first = write('a');
    const second = write('b');
    fail('a');
    await assert.rejects(first, /a/);
    await turn();
    assert.deepEqual(sent, ['a', 'b']);
    end('b');
    await second;
  });
});
