/**
 * `postern up` is killed with -9: the guests run on, the Service answers, and the next start takes over what it finds,
 * with nothing doubled and nothing left.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../src/host/process.ts';

interface Look {
  readonly qemus: { readonly first: readonly number[]; readonly second: readonly number[] };
  readonly dnsmasqs: number;
  readonly taps: readonly string[];
  readonly guests: number;
  readonly tables: readonly string[];
}

interface Seen {
  readonly first: Look & { readonly readySince: string };
  readonly besideIt: string;
  readonly whileDead: string;
  readonly portTaken: string;
  readonly again: Look & { readonly readySince: string; readonly answer: string };
  readonly midStart: Look & { readonly started: readonly number[] };
  readonly lost: Look;
  readonly exitCode: number;
  readonly stateBefore: object;
  readonly stateAfter: object;
  readonly processesAfter: readonly string[];
}

const machine = fileURLToPath(new URL('up-killed.fixture.ts', import.meta.url));
let seen: Seen;

before(async () => {
  const { stdout } = await runCommand(
    ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, machine],
    { timeout: 240_000 },
  );
  seen = JSON.parse(stdout) as Seen;
});

test('while it is dead the Service answers', () => {
  assert.equal(seen.whileDead, 'example-vm');
});

test('the next start takes the guest, its tap and the rules over: nothing twice, and never not ready', () => {
  assert.equal(seen.first.qemus.first.length, 1);
  assert.equal(seen.first.taps.length, 1);
  assert.equal(seen.first.dnsmasqs, 1);
  const { answer, ...again } = seen.again;
  assert.deepEqual(again, seen.first);
  assert.equal(answer, 'example-vm');
});

test('one that cannot start, or is started beside another, leaves what is there to the one that can', () => {
  assert.match(seen.besideIt, /ended with 1/);
  assert.match(seen.portTaken, /ended with 1/);
  assert.deepEqual(seen.again.qemus, seen.first.qemus);
});

test('a guest whose start was under way becomes ready, and is one', () => {
  assert.deepEqual(seen.midStart.qemus, { first: seen.first.qemus.first, second: seen.midStart.started });
  assert.equal(seen.midStart.taps.length, 2);
  assert.equal(seen.midStart.guests, 2);
});

test('a guest that was lost with it is started anew, in place of the old', () => {
  assert.equal(seen.lost.qemus.first.length, 1);
  assert.notDeepEqual(seen.lost.qemus.first, seen.first.qemus.first);
  assert.deepEqual(seen.lost.qemus.second, seen.midStart.started);
  assert.equal(seen.lost.taps.length, 2);
  assert.equal(seen.lost.guests, 2);
  assert.equal(seen.lost.dnsmasqs, 1);
  assert.deepEqual(seen.lost.tables, seen.first.tables);
});

test('one that ends in an orderly way after all that leaves nothing behind', () => {
  assert.equal(seen.exitCode, 0);
  assert.deepEqual(seen.stateAfter, seen.stateBefore);
  assert.deepEqual(seen.processesAfter, []);
});
