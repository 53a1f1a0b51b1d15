// Counting rules while they change, in the kernel. Runs alone in a network namespace: see nft-rules.test.ts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { NetlinkError, netfilterDump } from './netlink-dump.ts';
import { countRules, encodeRequest, surveyRules } from './nft-rules.ts';

/** More rules than the kernel tells at once. */
const CHAINS = 1000;
const nft = (script: string) => execFileSync('nft', ['-f', '-'], { input: script });

nft(`table ip ours {\n${Array.from({ length: CHAINS }, (_, i) => `chain c${i} { counter; counter; }`).join('\n')}\n}`);

test('each chain with its rules', async () => {
  const counts = await countRules('ip', 'ours');
  assert.equal(counts.size, CHAINS);
  assert.deepEqual([...new Set(counts.values())], [2]);
  assert.equal((await countRules('ip', 'theirs')).size, 0);
  assert.equal((await countRules('ip6', 'ours')).size, 0);
});

test('what changes while it is read is read again', async () => {
  let changes = 0;
  const total = await surveyRules(
    'ip',
    'ours',
    () => ({ rules: 0 }),
    (found) => {
      if (changes++ === 0) nft('add rule ip ours c999 counter');
      found.rules++;
    },
  );
  assert.equal(total.rules, CHAINS * 2 + 1);
});

test('what changes all the time is an error', async () => {
  await assert.rejects(
    surveyRules(
      'ip',
      'ours',
      () => ({ changed: false }),
      (found) => {
        if (!found.changed) nft('add rule ip ours c0 counter');
        found.changed = true;
      },
    ),
    (error: unknown) => error instanceof NetlinkError && error.code === 'EINTR',
  );
});

test('a dump that nobody wants of one moment goes on', async () => {
  let messages = 0;
  for await (const some of netfilterDump(encodeRequest('ip', 'ours'))) {
    if (messages === 0) nft('add rule ip ours c0 counter');
    messages += some.length;
  }
  assert.ok(messages >= CHAINS * 2);
});
