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

test('zones that are named are opened as well, and must be there', async () => {
  const inZone = (zone: string) => firewallCmd('--list-rich-rules', `--zone=${zone}`);
  const before = inZone('dmz');
  const firewalls = new Firewalls({ ...PLACE, firewallZones: ['dmz'] });
  const backend = await firewalls.open('auto');
  await backend.load([opening('IPv4', 80)]);
  await backend.change({ removed: [], added: [opening('IPv4', 81)] });
  for (const zone of ['public', 'dmz']) {
    assert.match(inZone(zone), /port port="80"/);
    assert.match(inZone(zone), /port port="81"/);
  }
  assert.doesNotMatch(inZone('work'), /port="80"/);
  await firewalls.removeAll();
  assert.equal(inZone('dmz'), before);
  await firewalls.close();
  const mistaken = new Firewalls({ ...PLACE, firewallZones: ['dmx'] });
  await assert.rejects(
    (await mistaken.open('auto')).load([]),
    /firewalld has no zone "dmx", but .*dmz.*--new-zone=dmx/,
  );
  await mistaken.close();
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
