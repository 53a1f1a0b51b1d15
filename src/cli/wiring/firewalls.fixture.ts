// Which firewall is taken for the machine's own. Runs alone in a network namespace.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADMINISTRATOR } from '../../firewall/nftables/testing.ts';
import { silentLogger } from '../../host/log.ts';
import { runCommand } from '../../host/process.ts';
import { Firewalls } from './firewalls.ts';

/** The name of the one that `auto` takes. */
async function chosen(): Promise<string> {
  const firewalls = new Firewalls({ lanInterface: 'lan0', log: silentLogger });
  try {
    return (await firewalls.open('auto')).name;
  } finally {
    await firewalls.close();
  }
}

test('a machine without rules has no firewall', async () => {
  assert.equal(await chosen(), 'none');
});

test('rules of iptables are a firewall, and its chains alone are none', async () => {
  await runCommand(['iptables', '-N', 'unused']);
  assert.equal(await chosen(), 'none');
  await runCommand(['iptables', '-P', 'FORWARD', 'DROP']);
  assert.equal(await chosen(), 'iptables');
});

test("an administrator's own tables come before what programs make by iptables", async () => {
  await runCommand(['nft', '-f', '-'], { input: ADMINISTRATOR });
  assert.equal(await chosen(), 'nftables');
});

test('zones are refused where there are none', async () => {
  const firewalls = new Firewalls({ lanInterface: 'lan0', firewallZones: ['dmz'], log: silentLogger });
  await assert.rejects(firewalls.open('auto'), /only firewalld has zones, and the firewall here is nftables/);
  assert.equal((await firewalls.open('none')).name, 'none');
  await firewalls.close();
});

test('the choice may be not to have any', async () => {
  const firewalls = new Firewalls({ lanInterface: 'lan0', log: silentLogger });
  assert.equal((await firewalls.open('none')).name, 'none');
  await firewalls.close();
});

test('what is removed from all leaves the rules of others', async () => {
  const rules = async () => (await runCommand(['nft', '--stateless', 'list', 'ruleset'])).stdout;
  const before = await rules();
  const firewalls = new Firewalls({ lanInterface: 'lan0', log: silentLogger });
  await firewalls.removeAll();
  await firewalls.close();
  assert.equal(await rules(), before);
});
