import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inNamespace, skipWithoutPrograms } from '../host/testing/in-namespace.ts';
import { skipWithoutPodNetwork } from './testing.ts';

type Answers = readonly string[];

interface Seen extends Readonly<Record<string, unknown>> {
  readonly a4: string;
  readonly a6: string;
  readonly b4: string;
  readonly b6: string;
}

const NODE = ['192.0.2.1', '2001:db8::1'];
const HOST = ['192.0.2.9', '2001:db8::9'];
const GATEWAYS = ['10.244.1.1', 'fd00:10:244:1::1'];
const saw = (who: string, addresses: Answers): Answers => addresses.map((address) => `${who} saw ${address}`);

describe('pods of containers', { skip: skipWithoutPodNetwork() || skipWithoutPrograms('ping') }, () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'postern-containers-'));
  let seen: Seen;
  before(() => {
    seen = JSON.parse(inNamespace(new URL('containers.fixture.ts', import.meta.url), [stateDir])) as Seen;
  });
  after(() => {
    rmSync(stateDir, { recursive: true, force: true });
  });

  test('have addresses of both families at once, their lease’s MAC, and packets as long as the LAN takes them', () => {
    assert.deepEqual([seen['atOnce'], seen['mac'], seen['mtu']], ['', true, '1450']);
    assert.deepEqual([seen.a4, seen.b4], ['10.244.1.2', '10.244.1.3']);
    assert.equal(seen['advertised'], '');
  });

  test('reach each other and the node, and are reached by it, with their own addresses', () => {
    assert.deepEqual(seen['podToPod'], [...saw('b', [seen.a4, seen.a6]), ...saw('a', [seen.b4, seen.b6])]);
    assert.deepEqual(seen['nodeToPod'], saw('a', GATEWAYS));
    assert.deepEqual(seen['podToNode'], saw('node', [seen.a4, seen.a6]));
  });

  test('are answered as themselves, and as nobody else', () => {
    assert.deepEqual(
      [seen['itself'], seen['another']],
      [
        [true, true],
        [false, false],
      ],
    );
  });

  test('are their node outside of the cluster, in the families that are asked for', () => {
    assert.deepEqual(seen['out'], saw('host', [...NODE, ...NODE]));
    assert.equal(seen['unmasqueraded'], `host saw ${seen.a4}`);
  });

  test('are reached at host ports from the LAN, from other pods, themselves and the node, at 127.0.0.1 too', () => {
    assert.deepEqual(seen['hostPort'], saw('a', [...HOST, ...HOST]));
    const [node4 = '', node6 = ''] = NODE;
    const [gateway = ''] = GATEWAYS;
    const answers = seen['hostPortInside'] as Answers;
    assert.deepEqual(answers.slice(0, 5), saw('a', [node4, node6, gateway, seen.b4, gateway]));
    // What the node serves to pods at their gateway is no pod's, nor what it serves to itself at ::1.
    assert.deepEqual(answers.slice(5), ['refused', 'refused']);
  });

  test('are reached at a host port with an address at that address only', () => {
    assert.deepEqual(seen['hostIP'], ['a saw 192.0.2.9', 'refused', 'refused', 'a saw 10.244.1.1']);
  });

  test('are checked for what they have lost', () => {
    assert.deepEqual(seen['wrong'], [null, 'it has no port']);
    assert.match(String(seen['gone']), /^the device pstv[0-9a-f]{11} is gone$/);
  });

  test('go on while the agent is away, and are found again', () => {
    assert.deepEqual(seen['restarted'], ['b saw 10.244.1.2', 'a saw 192.0.2.9', 'host saw 2001:db8::1']);
    assert.equal(seen['taps'], 1);
  });

  test('are let go of by their own sandbox alone; a host port leads elsewhere then, for datagrams of old flows too', () => {
    assert.deepEqual(seen['moved'], ['a saw 192.0.2.9', 'a saw 192.0.2.9', 'refused', 'b2 saw 192.0.2.9']);
    const kept = seen['kept'] as Answers;
    assert.deepEqual(kept.at(-1), `b ${seen.b4} ${seen.b6}`);
    assert.equal(kept.length, 2);
  });

  test('leave nothing behind', () => {
    assert.deepEqual(seen['left'], ['', '']);
  });
});
