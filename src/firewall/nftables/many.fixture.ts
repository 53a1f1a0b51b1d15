// A thousand Services, and a change of one of them. Runs alone in a network namespace: see nftables-firewall.test.ts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { openLibnftables } from '../../host/libnftables.ts';
import { IP_FAMILIES } from '../../lib/ip.ts';
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

const durations: number[] = [];
for (let i = 0; i < 100; i++) {
  const changed = IP_FAMILIES.map((family) => opening(family, 30_000 + i));
  const before = performance.now();
  await firewall.change({ added: changed, removed: [] });
  durations.push(performance.now() - before);
}
assert.equal((await firewall.current()).length, many.length + 200);
const [again, once] = [performance.now(), durations.sort((a, b) => a - b)];
await firewall.load(many);
process.stdout.write(
  `${JSON.stringify({ loaded, reloaded: performance.now() - again, median: once[50], slowest: once.at(-2) })}\n`,
);
process.exit();
