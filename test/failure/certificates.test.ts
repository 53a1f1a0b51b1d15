/** Certificates of nodes that last for seconds only: renewed again and again, and one that ends while its agent stands still. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { skipUnless } from '../../src/host/testing/in-namespace.ts';
import { failureStories, type Stories } from './stories.ts';
import { World } from './world.ts';

/** Milliseconds. */
const LIFE = 20_000;
const AWAY = 'node2';
/** A node may be silent for as long as the longest of these stories. */
const FLAGS = ['--cluster-signing-duration', `${LIFE / 1000}s`, '--node-monitor-grace-period', '10s'];

describe('nodes whose certificates are short-lived', { skip: skipUnless(['true']), concurrency: 1 }, () => {
  const stories = failureStories(() => World.open({ servers: 1, store: 'lmdb', nodes: 2, serverFlags: FLAGS }));
  renewed(stories);
  expired(stories);
});

function renewed(stories: Stories): void {
  stories.story('are Ready all the time, with one certificate after the other', async () => {
    const { world } = stories;
    const serials = new Set<string>();
    for (const until = performance.now() + 2 * LIFE; performance.now() < until; await sleep(250)) {
      assert.deepEqual(await world.notReady(), []);
      serials.add(certificateOf(world, AWAY).serialNumber);
    }
    assert.ok(serials.size >= 3, `${serials.size} certificates`);
  });
}

function expired(stories: Stories): void {
  stories.story(
    'an agent that stood still until its certificate had ended says so, and joins anew with its token',
    async () => {
      const { world } = stories;
      const pid = world.lan.pidOf(AWAY);
      process.kill(pid, 'SIGSTOP');
      const { serialNumber, validToDate } = certificateOf(world, AWAY);
      await sleep(validToDate.getTime() - Date.now() + 1000);
      // Of a certificate that had not long to go the agent may not have been missed yet.
      await world.lan.eventually('the node is missed', async () =>
        (await world.notReady()).includes(AWAY) ? true : undefined,
      );
      world.assertNothingLost();
      process.kill(pid, 'SIGCONT');
      await world.lan.eventually('the agent says what to do', async () => {
        const log = readFileSync(join(world.dir, 'logs', `${AWAY}.log`), 'utf8');
        return /certificate has ended: make a token/.test(log) ? true : undefined;
      });
      world.assertNothingLost();
      await world.lan.restart(AWAY, 'SIGTERM');
      await world.untilWell();
      assert.notEqual(certificateOf(world, AWAY).serialNumber, serialNumber);
    },
  );
}

function certificateOf({ dir }: World, node: string): X509Certificate {
  return new X509Certificate(readFileSync(join(dir, 'nodes', node, 'client.pem')));
}
