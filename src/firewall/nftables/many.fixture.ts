// A thousand Services, and a change of one of them. Runs alone in a network namespace: see nftables-firewall.test.ts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { openLibnftables } from '../../host/libnftables.ts';
import { IP_FAMILIES } from '../../lib/ip.ts';
import type { Opening } from '../backend.ts';
import { CLIENTS, opening } from '../contract.ts';
import { nftablesFirewall } from './nftables-firewall.ts';
import { ADMINISTRATOR } from './testing.ts';

execFileSync('nft', ['-f', '-'], { input: ADMINISTRATOR });
const firewall = nftablesFirewall({ nft: await openLibnftables() });
const many = Array.from({ length: 1000 }, (_, i) =>
  IP_FAMILIES.map((family) => opening(family, 1000 + i, i % 4 === 0 ? { sources: CLIENTS[family] } : {})),
).flat();

const started = performance.now();
await firewall.load(many);
const loaded = performance.now() - started;
assert.equal((await firewall.current()).length, many.length);
assert.ok((await firewall.verdicts(many)).every(({ kind }) => kind === 'open-by-us'));

// Prefixes within one another take each other's place in one transaction.
const range = (source: string): readonly Opening[] => [opening('IPv4', 1000, { sources: [source] })];
let before: readonly Opening[] = [opening('IPv4', 1000, { sources: CLIENTS.IPv4 })];
for (const source of ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.3/32', '10.0.0.0/8']) {
  await firewall.change({ removed: before, added: range(source) });
  before = range(source);
}
await firewall.change({ removed: before, added: many.slice(0, 1) });

const durations: number[] = [];
for (let i = 0; i < 100; i++) {
  const changed = IP_FAMILIES.map((family) => opening(family, 30_000 + i));
  const since = performance.now();
  await firewall.change({ added: changed, removed: [] });
  durations.push(performance.now() - since);
}
assert.equal((await firewall.current()).length, many.length + 200);
const [again, once] = [performance.now(), durations.sort((a, b) => a - b)];
await firewall.load(many);
process.stdout.write(
  `${JSON.stringify({ loaded, reloaded: performance.now() - again, median: once[50], slowest: once.at(-2) })}\n`,
);
process.exit();
