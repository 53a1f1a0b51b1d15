// A firewalld on the bus is the machine's own where it filters, and nowhere else. Runs alone in fresh namespaces.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { opening } from '../../firewall/contract.ts';
import { FirewalldHost, firewallCmd } from '../../firewall/firewalld/testing/host.ts';
import { silentLogger } from '../../host/log.ts';
import { runCommand } from '../../host/process.ts';
import { Firewalls } from './firewalls.ts';

const host = new FirewalldHost();
before(() => host.start());
after(() => host.stop());

const PLACE = { lanInterface: 'lan0', log: silentLogger };
const rules = () => firewallCmd('--list-rich-rules', '--zone=public');

test('firewalld is chosen, opens, and is cleaned up', async () => {
  const before = rules();
  const firewalls = new Firewalls(PLACE);
  const backend = await firewalls.open('auto');
  assert.equal(backend.name, 'firewalld');
  await backend.load([opening('IPv4', 80)]);
  assert.match(rules(), /port port="80"/);
  await firewalls.removeAll();
  assert.equal(rules(), before);
  await firewalls.close();
});

test('from another network namespace, the same firewalld is nothing to us', async () => {
  const firewalls = new Firewalls(PLACE);
  await (await firewalls.open('auto')).load([opening('IPv4', 80)]);
  const elsewhere = `
    const { Firewalls } = await import(${JSON.stringify(new URL('firewalls.ts', import.meta.url).href)});
    const firewalls = new Firewalls({ lanInterface: 'lan0', log: console });
    console.log((await firewalls.open('auto')).name);
    await firewalls.removeAll();
    await firewalls.close();`;
  const { stdout } = await runCommand(['unshare', '--net', process.execPath, '--input-type=module', '-e', elsewhere]);
  assert.equal(stdout.trim().split('\n').at(-1), 'none');
  assert.match(rules(), /port port="80"/);
  await firewalls.removeAll();
  await firewalls.close();
});
