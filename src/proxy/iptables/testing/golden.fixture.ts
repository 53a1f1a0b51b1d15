// Feeds every golden to iptables-restore and the kernel. Runs alone in a network namespace, with the variant as its
// argument: see ../golden.test.ts.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { caseNames, expectedRules, splitFamilies } from './cases.ts';

const variant = process.argv[2] ?? 'nft';
// Where all of them keep their lock.
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);

function restore(name: string, ...flags: string[]): void {
  const { IPv4, IPv6 } = splitFamilies(readFileSync(expectedRules(name), 'utf8'));
  for (const [program, input] of Object.entries({ iptables: IPv4, ip6tables: IPv6 })) {
    execFileSync(`${program}-${variant}-restore`, ['--noflush', ...flags], { input });
  }
}

restore('base');
for (const name of caseNames) if (name !== 'base') restore(name, '--test');
