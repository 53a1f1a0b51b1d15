import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inNamespace, skipWithoutPrograms } from '../../src/host/testing/in-namespace.ts';
import { skipWithoutIptables } from '../../src/netfilter/iptables/testing.ts';
import { skipWithoutPodNetwork } from '../../src/network/testing.ts';

/** What a pod and a virtual machine were answered; by cluster IP: each by 2 Services, in IPv4 and IPv6. */
interface Answers {
  readonly services: readonly string[];
  /** What an ExternalName leads to, in both families, and who answers there. */
  readonly names: readonly string[];
  readonly alias: readonly string[];
  /** A connection that was there before. */
  readonly kept: string;
  /** Datagrams from the same port as before. */
  readonly flows: readonly string[];
}

const FIRST = { node: ['192.0.2.1', '2001:db8::1'], hosts: ['192.0.2.9', '2001:db8::9'] };
const SECOND = { node: ['198.51.100.1', '2001:db8:2::1'], hosts: ['198.51.100.9', '2001:db8:2::9'] };

/** Outside, whoever asks is its node, by the address that the node has there. */
const answered = (host: string, { node }: typeof FIRST, times: number): readonly string[] =>
  Array.from({ length: times }, () => node.map((address) => `${host} saw ${address}`)).flat();

const modes = { nftables: false as string | false, 'iptables-legacy': skipWithoutIptables('legacy') };

for (const [mode, lacking] of Object.entries(modes)) {
  const skip = skipWithoutPodNetwork() || skipWithoutPrograms('dig') || lacking;
  describe(`Services of applications outside of the cluster, in the mode ${mode}`, { skip }, () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'postern-outside-'));
    let seen: {
      readonly before: Answers;
      readonly after: Answers;
      readonly hostPort: readonly string[];
      readonly left: string;
    };
    before(() => {
      seen = JSON.parse(inNamespace(new URL('outside.fixture.ts', import.meta.url), [stateDir, mode])) as typeof seen;
    });
    after(() => {
      rmSync(stateDir, { recursive: true, force: true });
    });

    test('made by hand as EndpointSlices or as Endpoints, they lead pods and virtual machines there', () => {
      assert.deepEqual(seen.before.services, answered('first', FIRST, 4));
    });

    test('as ExternalName they are a name of the cluster for one outside', () => {
      assert.deepEqual(seen.before.names, FIRST.hosts);
      assert.deepEqual(seen.before.alias, answered('first', FIRST, 1));
    });

    test('moved to another host, clients follow: new connections, datagrams of old flows, and names', () => {
      assert.deepEqual(seen.after.services, answered('second', SECOND, 4));
      assert.deepEqual(seen.after.flows, answered('second', SECOND, 1));
      assert.deepEqual(seen.after.names, SECOND.hosts);
      assert.deepEqual(seen.after.alias, answered('second', SECOND, 1));
    });

    test('connections from before go on to where they began', () => {
      assert.equal(seen.after.kept, 'first saw 192.0.2.1');
    });

    test('stand beside host ports, which lead in from there, over TCP and SCTP', () => {
      const answers = FIRST.hosts.map((address) => `pod saw ${address}`);
      assert.deepEqual(seen.hostPort, [...answers, ...answers]);
    });

    test('leave nothing behind', () => {
      assert.equal(seen.left, '');
    });
  });
}
