import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { labCut, labHeal, labStart, labStatus, labStop } from './lab.ts';
import { lab, processOf, skip } from './labs.fixture.ts';

describe('a lab with servers on its LANs', { skip }, () => {
  const ending: (() => unknown)[] = [];
  let made: Awaited<ReturnType<typeof lab>> | undefined;
  const shared = () => made ?? assert.fail('there is no lab');
  before(async () => {
    const after = { after: (end: () => unknown) => void ending.push(end) };
    made = await lab(after, { servers: 1, store: 'lmdb', serverDisk: 1, lans: 2 });
  });
  after(async () => {
    for (const end of ending) await end();
  });
  const answers = (place: string, address: string) =>
    shared()
      .at(place, 'ping', '-c1', '-W0.5', address)
      .then(
        () => true,
        () => false,
      );
  /** Its stand-in for a server knows nothing of TLS. */
  const api = () => (shared().status.server ?? '').replace('https:', 'http:');
  const [NODE2, SERVER1] = ['192.168.78.12', '192.168.77.3'];

  test('the API is at one URL everywhere, and at the server’s own address on the LANs', async () => {
    const { at } = shared();
    assert.equal(await (await fetch(api())).text(), 'served\n');
    for (const place of ['server1', 'node2', 'client']) {
      assert.equal(await at(place, 'curl', '-sS', api()), 'served\n');
      assert.equal(await at(place, 'curl', '-sS', `http://${SERVER1}:6443`), 'served\n');
    }
  });

  test('what a server keeps is on a disk that can be full', async () => {
    const { dir, at } = shared();
    const fill = ['dd', 'if=/dev/zero', `of=${join(dir, 'servers/server1/data/store/x')}`, 'bs=1M', 'count=2'];
    await assert.rejects(at('server1', ...fill), /No space left on device/);
  });

  test('a link is cut, one way only and both, between LANs too, and mended', async () => {
    const { dir } = shared();
    assert.ok((await answers('server1', NODE2)) && (await answers('client', SERVER1)));
    await labCut({ dir, from: ['client'], to: ['server1'] });
    await labCut({ dir, from: ['node2'], to: ['server1'], oneWay: true });
    assert.deepEqual(await Promise.all([answers('client', SERVER1), answers('server1', NODE2)]), [false, false]);
    assert.ok(await answers('client', NODE2));
    assert.equal(labStatus(dir).links.length, 3);
    assert.equal(await labHeal(dir, ['client']), 2);
    assert.equal(await labHeal(dir, ['client']), 0);
    assert.deepEqual(await Promise.all([answers('client', SERVER1), answers('server1', NODE2)]), [true, false]);
    await labHeal(dir);
    assert.ok(await answers('server1', NODE2));
    await assert.rejects(labCut({ dir, from: ['node9'], to: ['lan'] }), /no "node9" in this lab. There are: lan, /);
  });

  test('a process that is stopped stays so until it is started', async () => {
    const { dir } = shared();
    await labStop(dir, ['server1'], 'SIGKILL');
    assert.equal(processOf(dir, 'server1')?.lastEnd, 'SIGKILL');
    await assert.rejects(fetch(api()));
    await labStart(dir, ['server1']);
    assert.equal(await (await fetch(api())).text(), 'served\n');
    await assert.rejects(labStop(dir, ['server2']), /no process "server2" in this lab. There are: server1, node1/);
  });
});
