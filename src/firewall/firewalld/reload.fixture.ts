// When firewalld is reloaded by us, and when not. Real firewalld: run alone in fresh namespaces by firewalld.test.ts.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { silentLogger } from '../../host/log.ts';
import { opening } from '../contract.ts';
import { FirewallD1 } from './firewall-d1.ts';
import { openFirewalld } from './firewalld.ts';
import { unsettled } from './settled.ts';
import { FirewalldHost, firewallCmd } from './testing/host.ts';

const host = new FirewalldHost();
const ending = new AbortController();
let firewalld: FirewallD1;
let reloads = 0;

before(async () => {
  await host.start();
  // An ipset and a service that zones know, so that something of them can be otherwise for now only.
  firewallCmd('--permanent', '--new-ipset=friends', '--type=hash:ip');
  firewallCmd('--reload');
  firewalld = await FirewallD1.connect();
  firewalld.bus.onSignal(({ member }) => {
    if (member === 'Reloaded') reloads += 1;
  });
  await firewalld.subscribe();
});
after(async () => {
  ending.abort();
  firewalld.bus.close();
  await host.stop();
});

test('what a reload would take away or bring is found', async () => {
  const direct = ['ipv4', 'filter', 'INPUT', '0', '-p', 'tcp', '--dport', '9', '-j', 'ACCEPT'];
  // In the order that the last of those there are is found first.
  const steps: readonly (readonly [string, readonly string[]])[] = [
    ['interface lan0 of zone work', ['--zone=work', '--add-interface=lan0']],
    ['direct configuration', ['--direct', '--add-rule', ...direct]],
    ['service ssh', ['--permanent', '--service=ssh', '--add-port=2222/tcp']],
    ['ipset friends', ['--ipset=friends', '--add-entry=192.0.2.1']],
    ['zone dmz', ['--permanent', '--zone=dmz', '--add-masquerade']],
  ];
  assert.equal(await unsettled(firewalld), undefined);
  for (const [what, make] of steps) {
    firewallCmd(...make);
    assert.equal(await unsettled(firewalld), what);
  }
  firewallCmd('--reload');
  assert.equal(await unsettled(firewalld), undefined);
});

describe('many rules', () => {
  const many = Array.from({ length: 100 }, (_, i) => opening('IPv4', 20_000 + i));
  const open = () => openFirewalld({ interfaces: ['lan0'], log: silentLogger, signal: ending.signal });
  const counted = async (work: () => Promise<void>) => {
    const before = reloads;
    await work();
    // Signals come in order: this answer comes after them.
    await firewalld.runs();
    return reloads - before;
  };

  test('are opened and closed by one reload where it takes nothing else away', async () => {
    const backend = open();
    assert.equal(await counted(() => backend.load(many)), 1);
    assert.equal((await backend.current()).length, many.length);
    assert.equal(await counted(() => backend.load(many)), 0);
    assert.equal(await counted(() => backend.remove()), 1);
    assert.deepEqual(await backend.current(), []);
  });

  test('and one by one where it would, and what the administrator has for now only stays', async () => {
    firewallCmd('--zone=public', '--add-port=4321/tcp');
    const backend = open();
    assert.equal(await counted(() => backend.load(many)), 0);
    assert.equal((await backend.current()).length, many.length);
    assert.equal(firewallCmd('--zone=public', '--list-ports').trim(), '4321/tcp');
    assert.equal(await counted(() => backend.remove()), 0);
    assert.equal(firewallCmd('--zone=public', '--list-ports').trim(), '4321/tcp');
  });
});
