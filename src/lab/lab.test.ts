import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { CommandError, type RunCommand, runCommand } from '../host/process.ts';
import { skipWithoutPrograms } from '../host/testing/in-namespace.ts';
import { LabError } from './error.ts';
import { fixtureCommands } from './lab.fixture.ts';
import { labDown, labExec, labStatus, labUp } from './lab.ts';
import { eventually, lab, labDir, processOf, skip } from './labs.fixture.ts';
import { layoutOf } from './layout.ts';
import { checkPrivileges } from './privileges.ts';
import { childrenOf, isAlive, pidNamespaceOf, processesIn } from './process-identity.ts';
import { readOwner } from './state.ts';

const addresses = () => runCommand(['ip', '-json', 'address']);

// One for all that leaves it as it is; the last of them kills its server.
describe('a lab of two nodes', { skip }, () => {
  const ending: (() => unknown)[] = [];
  let without: Awaited<ReturnType<typeof addresses>>;
  let made: Awaited<ReturnType<typeof lab>> | undefined;
  const shared = () => made ?? assert.fail('there is no lab');
  before(async () => {
    without = await addresses();
    made = await lab({ after: (end) => ending.push(end) });
  });
  after(async () => {
    for (const end of ending) await end();
  });

  test('a lab has nodes and a client that reach each other over both families', async () => {
    const { status, at } = shared();
    assert.equal(status.phase, 'ready');
    assert.deepEqual(
      status.places.map(({ name }) => name),
      ['lan', 'node1', 'node2', 'client'],
    );
    assert.equal(await at('node1', 'hostname'), 'node1\n');
    for (const address of status.places.find(({ name }) => name === 'node2')?.addresses ?? []) {
      assert.match(await at('client', 'ping', '-c1', '-W2', address), / 0% packet loss/);
    }
  });

  test('a node asks its own bridge for names, the client nobody, and the machine is as it was', async () => {
    const { at } = shared();
    assert.match(await at('node1', 'cat', '/etc/resolv.conf'), /^nameserver 10\.244\.7\.1$/m);
    assert.doesNotMatch(await at('client', 'cat', '/etc/resolv.conf'), /^nameserver/m);
    assert.deepEqual(await addresses(), without);
  });

  test('the API answers at the same URL everywhere, so that one kubeconfig serves', async () => {
    const { status, at } = shared();
    assert.ok(status.server);
    assert.equal(await (await fetch(status.server)).text(), 'served\n');
    for (const place of ['node2', 'client']) assert.equal(await at(place, 'curl', '-sS', status.server), 'served\n');
    assert.equal(await at('client', 'sh', '-c', 'cat "$KUBECONFIG"'), 'a kubeconfig\n');
  });

  test('a command’s exit status and standard error come through', async () => {
    const { at } = shared();
    await assert.rejects(at('client', 'sh', '-c', 'echo oh >&2; exit 7'), { code: 7, stderr: 'oh' });
    assert.equal(await at('client', '--', 'echo', '--', 'x'), '-- x\n');
    await assert.rejects(at('client', '--'), /What should run at client\?/);
  });

  test('a command ends with whoever started it', async () => {
    const { dir, at } = shared();
    const { argv } = labExec(dir, 'client', ['sleep', '4711']);
    const outside = spawn(argv[0] ?? '', argv.slice(1), { stdio: 'ignore' });
    const isRunning = async () => (await at('client', 'ps', '-eo', 'args')).includes('sleep 4711');
    await eventually(isRunning);
    outside.kill('SIGTERM');
    await eventually(async () => !(await isRunning()));
  });

  test('a place that does not exist is named, with those that do', async () => {
    const { dir } = shared();
    assert.throws(
      () => labExec(dir, 'node9', ['true']),
      /no "node9" in this lab. There are: lan, node1, node2, client/,
    );
  });

  test('a server killed with -9 comes back at the same address', async () => {
    const { dir, status } = shared();
    process.kill(processOf(dir, 'server')?.pid ?? 0, 'SIGKILL');
    await eventually(() => processOf(dir, 'server')?.restarts === 1 && processOf(dir, 'server')?.phase === 'ready');
    assert.equal(labStatus(dir).server, status.server);
    assert.equal(await (await fetch(status.server ?? '')).text(), 'served\n');
  });
});

const withoutFirewalld = skip || skipWithoutPrograms('firewalld', 'firewall-cmd', 'dbus-daemon', 'dbus-send');

test('nodes may run firewalld, each its own, which comes again when it is killed', {
  skip: withoutFirewalld,
}, async (t) => {
  const settings = () => runCommand(['find', '/etc/firewalld', '-printf', '%p %T@\\n']);
  const before = await settings();
  const { dir, status, at } = await lab(t, { nodeFirewall: 'firewalld' });
  const [node] = status.places.find(({ name }) => name === 'node1')?.addresses ?? [];
  const reaches = () =>
    at('client', 'ping', '-c1', '-W0.5', node ?? '').then(
      () => true,
      () => false,
    );
  assert.equal(await at('node1', 'firewall-cmd', '--get-default-zone'), 'drop\n');
  assert.equal(await reaches(), false);
  await at('node1', 'firewall-cmd', '--permanent', '--zone=drop', '--add-protocol=icmp');
  assert.equal(await at('node2', 'firewall-cmd', '--permanent', '--zone=drop', '--list-protocols'), '\n');
  process.kill(processOf(dir, 'node1.firewalld')?.pid ?? 0, 'SIGKILL');
  await eventually(() => processOf(dir, 'node1.firewalld')?.restarts === 1);
  await eventually(() => processOf(dir, 'node1.firewalld')?.phase === 'ready');
  assert.equal(await reaches(), true);
  assert.deepEqual(await settings(), before, "the machine's own settings are as they were");
});

test('a second lab in the same directory is refused, one beside it is not', { skip }, async (t) => {
  const { options } = await lab(t);
  await assert.rejects(labUp(options), /has a lab already \(process \d+\).*postern lab down/);
  const other = await lab(t);
  assert.match(await other.at('client', 'ping', '-c1', '-W2', '192.168.77.11'), / 0% packet loss/);
});

test('after down nothing is left: no process, no file', { skip }, async (t) => {
  const { dir } = await lab(t);
  const owner = readOwner(layoutOf(dir));
  assert.ok(owner?.pidNamespace);
  await labDown(dir);
  assert.equal(isAlive(owner), false);
  assert.equal(processesIn(owner.pidNamespace).size, 0);
  assert.equal(existsSync(dir), false);
});

test('down can keep the data for the next up', { skip }, async (t) => {
  const { dir, options } = await lab(t);
  await labDown(dir, { keepData: true });
  assert.deepEqual(readdirSync(dir).sort(), ['lab.json', 'logs', 'nodes', 'server']);
  assert.equal((await labUp(options)).phase, 'ready');
});

test('a lab whose process is killed with -9 leaves no process, and the next up needs no help', { skip }, async (t) => {
  const { dir, options, status } = await lab(t);
  const [init] = childrenOf(readOwner(layoutOf(dir))?.pid ?? 0);
  const namespace = pidNamespaceOf(init ?? 0) ?? '';
  const daemon = childrenOf(init ?? 0)[0];
  assert.ok(daemon);
  process.kill(daemon, 'SIGKILL');
  // Its owner, outside of the namespace, ends a moment after the last process inside.
  await eventually(() => processesIn(namespace).size === 0 && labStatus(dir).phase === 'stopped');
  assert.throws(() => labExec(dir, 'node1', ['true']), /No lab runs in .*postern lab up/);
  const again = await labUp(options);
  assert.equal(again.phase, 'ready');
  assert.notDeepEqual(again.processes, status.processes);
});

test('an agent that does not start fails the up with its own words, and nothing stays', { skip }, async (t) => {
  const dir = labDir(t);
  await assert.rejects(
    labUp({ dir, nodes: 1, ipFamilies: ['IPv4'], commands: fixtureCommands('broken') }),
    (error) =>
      error instanceof LabError &&
      /node1 does not start \(exit status 3\)[\s\S]*the agent’s own words/.test(error.message),
  );
  assert.equal(labStatus(dir).phase, 'stopped');
  assert.ok(existsSync(join(dir, 'logs', 'node1.log')));
});

test('an up that is called off ends what it had begun', { skip }, async (t) => {
  const dir = labDir(t);
  const end = new AbortController();
  const up = labUp({ dir, nodes: 2, ipFamilies: ['IPv4'], commands: fixtureCommands() }, () => end.abort(), end.signal);
  await assert.rejects(up, { name: 'AbortError' });
  assert.equal(labStatus(dir).phase, 'stopped');
});

test('a lab whose directory is removed ends', { skip }, async (t) => {
  const { dir } = await lab(t);
  const owner = readOwner(layoutOf(dir));
  assert.ok(owner);
  rmSync(dir, { recursive: true, maxRetries: 5 });
  await eventually(() => !isAlive(owner));
  assert.equal(existsSync(dir), false);
});

test('a lab whose starter is killed with -9 before it is ready ends too', { skip }, async (t) => {
  const dir = labDir(t);
  const starter = spawn(process.execPath, [join(import.meta.dirname, 'lab.fixture.ts'), 'up', dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(starter.stdout)) if (line === 'waiting for node1') break;
  const owner = readOwner(layoutOf(dir));
  assert.ok(owner !== undefined && isAlive(owner));
  starter.kill('SIGKILL');
  await eventually(() => !isAlive(owner));
});

test('a lab that is not ready in time is taken away, and what it waited for is told', { skip }, async (t) => {
  const dir = labDir(t);
  const options = { dir, nodes: 1, ipFamilies: ['IPv4'], commands: fixtureCommands('slow'), timeout: 1000 } as const;
  await assert.rejects(labUp(options), /was not ready after 1 s: (its processes|network|waiting for node1)/);
  assert.equal(labStatus(dir).phase, 'stopped');
});

const asUser = skip || (process.getuid?.() === 0 ? false : 'only root can become another user');

test('an ordinary user has a lab, with taps, netfilter and both families', { skip: asUser }, async (t) => {
  const dir = tempDir(t);
  chmodSync(dir, 0o777);
  // Distributions open /dev/net/tun to all; where this machine does not, a mount namespace makes it look as if.
  const open =
    'set -e; mknod "$0/tun" c 10 200; chmod 666 "$0/tun"; mount --bind "$0/tun" /dev/net/tun; rm "$0/tun"; exec "$@"';
  const user = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];
  const fixture = [process.execPath, join(import.meta.dirname, 'ordinary-user.fixture.ts'), join(dir, 'lab')];
  const firewall = withoutFirewalld === false ? ['firewalld'] : [];
  const { stdout } = await runCommand(['unshare', '--mount', 'sh', '-c', open, dir, ...user, ...fixture, ...firewall]);
  assert.match(stdout, /^uid 65534\n0\ntap\n(table inet firewalld\n)?table inet x\nclient\nserved\n(drop\n)?$/);
  assert.equal(stdout.endsWith('drop\n'), withoutFirewalld === false);
  assert.deepEqual(readdirSync(dir), []);
});

test('who may not make namespaces is told so, and what to do', { skip }, async () => {
  const refuse: RunCommand = async (argv) => {
    throw new CommandError(argv, 'exited with 1', { code: 1, stderr: 'unshare failed: Operation not permitted' });
  };
  await assert.rejects(checkPrivileges(refuse), /Operation not permitted\n.*(--privileged|sysctl -w)/s);
});

test('what cannot become a lab is refused with what is allowed', { skip }, async (t) => {
  const dir = tempDir(t);
  const good = { dir, nodes: 1, ipFamilies: ['IPv4'], commands: fixtureCommands() } as const;
  await assert.rejects(labUp({ ...good, nodes: 0 }), /nodes: 0 is not a whole number from 1 to 100/);
  await assert.rejects(labUp({ ...good, servers: 9 }), /servers: 9 is not a whole number from 0 to 8/);
  await assert.rejects(labUp({ ...good, servers: 2, store: 'lmdb' }), /Use etcd, or one server/);
  await assert.rejects(labUp({ ...good, serverDisk: 64 }), /add --servers/);
  await assert.rejects(labUp({ ...good, store: 'etcd' }), /add --servers/);
  await assert.rejects(labUp({ ...good, lans: 3 }), /lans: 3 is not a whole number from 1 to 2/);
  await assert.rejects(labUp({ ...good, ipFamilies: [] }), /ip-families: \(none\): name ipv4, ipv6 or both/);
  await assert.rejects(labUp({ ...good, dir: '/run/lab' }), /Choose another, such as \/tmp\/lab/);
  await assert.rejects(labUp({ ...good, dir: `/tmp/${'x'.repeat(120)}` }), /is too long/);
});
