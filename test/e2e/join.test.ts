/** A machine joins a cluster with a token: from nothing to Ready, past the end of its first certificate, and again without a token. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../src/host/process.ts';

const machine = fileURLToPath(new URL('join.fixture.ts', import.meta.url));

interface Ended {
  readonly code: number;
  readonly said: string;
}

async function run(story: string): Promise<Record<string, unknown>> {
  const fresh = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const { stdout } = await runCommand([...fresh, process.execPath, machine, story], { timeout: 120_000 });
  const result = JSON.parse(stdout) as Record<string, unknown>;
  // How soon is for `npm run bench -- scale` to judge, on a machine that does nothing else.
  assert.ok(Number(result['joinedIn']) < 30_000, `Ready after ${result['joinedIn']} ms`);
  assert.deepEqual(result['refused'], [], 'agents ask for nothing that they may not have');
  assert.deepEqual(result['stateAfter'], result['stateBefore']);
  return result;
}

test('a machine joins with a token, outlives its certificate, and is the only one of its name', async () => {
  const result = await run('lives');
  assert.equal((result['podCIDRs'] as unknown[]).length, 2);
  assert.match(String(result['agentId']), /^[0-9a-f-]{36}$/);
  const [taken, copied] = [result['taken'] as Ended, result['copied'] as Ended];
  for (const { code, said } of [taken, copied]) {
    assert.equal(code, 1);
    assert.match(said, /this machine cannot be the node "n1": .*192\.0\.2\.10/);
    assert.match(said, /Choose another name, --node-name NAME/);
  }
  assert.equal(result['goesOn'], true);
  assert.equal(result['againReady'], 'ready');
});

test('an agent that was silent until another machine had its node goes, with all that it had put on its own', async () => {
  const { lost, successorGoesOn } = (await run('replaced')) as { lost: Ended; successorGoesOn: unknown };
  assert.equal(lost.code, 1);
  assert.match(lost.said, /this machine cannot be the node "n1": another machine is the node "n1".*192\.0\.2\.20/);
  assert.equal(successorGoesOn, true);
});
