/**
 * Random histories of Services, pods, policies and ranges, played over HTTP on a real server with its controllers, which
 * is stopped and started again in between, and on plain models of it. POSTERN_SEED repeats a run; POSTERN_HISTORIES says
 * how many histories are played.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testSeed } from '../../../src/lib/random.fixture.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import { randomHistory } from './actions.ts';
import { play } from './play.ts';
import { shrink } from './shrink.ts';

const HISTORIES = Number(process.env['POSTERN_HISTORIES'] ?? 4);
const ACTIONS = 200;

const CODES = [200, 201, 400, 404, 409, 415, 422, 500];

const first = testSeed();
const codes = new Set<number>();
for (let seed = first; seed < first + HISTORIES; seed++) {
  test(`answers, allocations, slices and Endpoints are those of the models through a random history (POSTERN_SEED=${seed})`, async () => {
    const history = randomHistory(seededRandom(seed), ACTIONS);
    try {
      for (const code of await play(history)) codes.add(code);
    } catch (error) {
      const shorter = await shrink(history, error);
      const actions = shorter.history.map((action) => JSON.stringify(action)).join('\n');
      assert.fail(`${String(shorter.error)}\nThis goes wrong:\n${actions}`);
    }
  });
}

test('the histories have answers of every sort', { skip: HISTORIES < 4 && 'too few histories' }, () => {
  assert.deepEqual(
    CODES.filter((code) => !codes.has(code)),
    [],
  );
});
