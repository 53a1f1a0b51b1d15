/** A machine that wants to be a node that there is already. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Node } from '../../src/api/core/v1/node.ts';
import { LAB_COMMANDS } from '../../src/cli/wiring/lab.ts';
import { CommandError } from '../../src/host/process.ts';
import type { Stories } from './stories.ts';
import { ENTRANCE } from './world.ts';

/** Milliseconds until the machine has been told. */
const REFUSED = 30_000;

export function nameTaken(stories: Stories): void {
  stories.story('a second machine that claims the name of a node is refused, and the node goes on', async () => {
    const { world } = stories;
    const before = await world.lan.client.get(Node, { name: ENTRANCE });
    const stateDir = mkdtempSync(join(tmpdir(), 'postern-second-'));
    try {
      const argv = LAB_COMMANDS.agent({
        nodeName: ENTRANCE,
        credentials: {
          kind: 'join',
          servers: world.servers.map(({ addresses: [address] }) => `https://${address}:6443`),
          tokenFile: join(world.dir, 'run', 'node.token'),
        },
        stateDir,
        lanInterface: 'eth0',
        addresses: ['192.168.77.2'],
        ipFamilies: ['IPv4', 'IPv6'],
        flags: [],
      });
      await assert.rejects(world.lan.at('client', argv, { timeout: REFUSED }), (error) => {
        assert.ok(error instanceof CommandError && error.code !== undefined, `it was not refused in time: ${error}`);
        assert.match(error.stderr, new RegExp(`${ENTRANCE}.*192\\.168\\.77\\.11`, 's'));
        return true;
      });
    } finally {
      rmSync(stateDir, { recursive: true, force: true });
    }
    const after = await world.lan.client.get(Node, { name: ENTRANCE });
    assert.equal(after.metadata.uid, before.metadata.uid);
    assert.deepEqual(after.status?.addresses, before.status?.addresses);
  });
}
