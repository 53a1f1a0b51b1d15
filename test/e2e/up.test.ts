/** `postern up` on one machine, in a network namespace of its own: from a ready line to nothing left. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../src/host/process.ts';

const machine = fileURLToPath(new URL('up.fixture.ts', import.meta.url));

async function run(...flags: readonly string[]) {
  const fresh = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const { stdout, stderr } = await runCommand([...fresh, process.execPath, machine, ...flags], { timeout: 120_000 });
  return { stderr, result: JSON.parse(stdout) as Record<string, unknown> };
}

test('in the mode iptables, postern up serves a guest and guests are served, and no rule of ours is left', async () => {
  const { result } = await run('--proxy-mode', 'iptables', '--container-runtime-endpoint', 'none');
  assert.equal(result['proxyMode'], 'iptables');
  // chown, dac_override, fowner, kill, setgid, setuid, net_bind_service, net_admin, net_raw and sys_nice: capabilities(7).
  assert.equal(result['agentCapabilities'], '00000000008034eb');
  assert.equal(result['answer'], 'example-vm');
  assert.deepEqual(result['fromGuest'], ['example-vm', 'example-vm']);
  assert.equal(result['exitCode'], 0);
  // What iptables itself makes to hold rules stays.
  assert.doesNotMatch(JSON.stringify(result['stateAfter']), /postern/i);
  assert.deepEqual(result['processesAfter'], []);
});

test('postern up serves a guest behind a Service, and leaves nothing behind when it ends', async () => {
  const { result, stderr } = await run();
  assert.equal(result['proxyMode'], 'nftables');
  assert.match(String(result['readyLine']), /^ready https:\/\/127\.0\.0\.1:\d+ kubeconfig \S+\/kubeconfig$/);
  assert.equal(result['answer'], 'example-vm');
  assert.deepEqual(result['fromGuest'], ['example-vm', 'example-vm'], 'by cluster IP, in both families');
  assert.match(String(result['l2Status']), / announces no address\n\nNothing is wrong/, 'nobody has made a pool');
  assert.match(String(result['l2Metrics']), /^postern_l2_silent 0$/m);
  const users = Object.values(result['users'] as Record<string, string>);
  for (const user of users) assert.match(user, /^(?!0$)\d+$/, 'neither the server nor QEMU nor dnsmasq is root');
  assert.equal(new Set(users).size, users.length, 'and none may touch another');
  // Where containers may come, fsetid and sys_admin too: for the files and mounts of their volumes.
  assert.equal(result['agentCapabilities'], '0000000000a034fb');
  assert.equal(result['exitCode'], 0);
  assert.doesNotMatch(stderr, /starting it again/, 'the server is there until the agent has said goodbye');
  assert.deepEqual(result['stateAfter'], result['stateBefore']);
  assert.deepEqual(result['processesAfter'], []);
});
