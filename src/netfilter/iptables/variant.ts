/**
 * Which variant of iptables a host uses: its firewall and ours must be in the same one, or neither sees the other's rules.
 * As https://github.com/kubernetes-sigs/iptables-wrappers has it: the variant that has rules, else the one that the plain
 * name stands for.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { CommandError, type RunCommand } from '../../host/process.ts';
import { codeOf } from '../../lib/errors.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { IPTABLES_VARIANTS, type IptablesVariant } from './iptables.ts';

/** The oldest whose `iptables-restore` waits for the lock. */
const OLDEST = [1, 6, 2] as const;
export const OLDEST_VERSION = OLDEST.join('.');
/** In legacy's own file: which tables this network namespace has. Asking legacy for any would make them. */
const LEGACY_TABLES = { IPv4: '/proc/net/ip_tables_names', IPv6: '/proc/net/ip6_tables_names' } as const;
/** Not there when the kernel has no IPv6. */
const IPV6_SETTINGS = '/proc/sys/net/ipv6';

export interface FoundVariant {
  readonly variant: IptablesVariant;
  /** What the names of its programs end with: `iptables` + this + `-restore`. */
  readonly infix: '' | `-${IptablesVariant}`;
  readonly version: string;
}

/** Every variant that is installed, the one that this host uses first. */
export async function findVariants(run: RunCommand, readText = readProc): Promise<readonly FoundVariant[]> {
  const plain = await versionOf(run, '');
  const named = await Promise.all(IPTABLES_VARIANTS.map((variant) => versionOf(run, `-${variant}`)));
  const found = new Map<IptablesVariant, FoundVariant>();
  for (const one of [...named, plain]) if (one !== undefined && !found.has(one.variant)) found.set(one.variant, one);
  const used = found.size < 2 ? undefined : await variantInUse(run, [...found.values()], readText);
  const first = used ?? plain?.variant;
  return [...found.values()].sort((a, b) => Number(b.variant === first) - Number(a.variant === first));
}

/** The only one that has rules. */
async function variantInUse(
  run: RunCommand,
  found: readonly FoundVariant[],
  readText: (path: string) => Promise<string>,
): Promise<IptablesVariant | undefined> {
  const legacyTables = (await readText(LEGACY_TABLES.IPv4)).trim() !== '';
  const used: IptablesVariant[] = [];
  for (const { variant, infix } of found) {
    if (variant === 'legacy' && !legacyTables) continue;
    if (await hasRules(run, `iptables${infix}-save`)) used.push(variant);
  }
  return used.length === 1 ? used[0] : undefined;
}

/** Ends with the first rule that the program prints: there may be a hundred thousand. */
async function hasRules(run: RunCommand, program: string): Promise<boolean> {
  const found = new AbortController();
  let line = '';
  const onOutput = (text: string) => {
    line = `${line}${text}`.slice(-text.length - 2);
    if (line.includes('\n-A')) found.abort();
  };
  try {
    await run([program], { onOutput, signal: found.signal });
  } catch (error) {
    // A kernel without this variant, or without the right to ask it: nobody's rules are there for us.
    if (!(error instanceof CommandError)) throw error;
  }
  return found.signal.aborted;
}

async function versionOf(run: RunCommand, infix: FoundVariant['infix']): Promise<FoundVariant | undefined> {
  try {
    const { stdout } = await run([`iptables${infix}`, '--version']);
    return parseVersion(stdout, infix);
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/** Reads `iptables v1.8.9 (nf_tables)`; before 1.8 there was legacy alone, and no word in brackets. */
export function parseVersion(text: string, infix: FoundVariant['infix']): FoundVariant | undefined {
  const [, version, kind] = /^ip6?tables v(\d+\.\d+\.\d+)(?: \((\w+)\))?/.exec(text.trim()) ?? [];
  if (version === undefined || isOlder(version)) return undefined;
  return { variant: kind === 'nf_tables' ? 'nft' : 'legacy', infix, version };
}

function isOlder(version: string): boolean {
  const numbers = version.split('.').map(Number);
  for (const [i, oldest] of OLDEST.entries()) {
    const difference = (numbers[i] ?? 0) - oldest;
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Whether this network namespace can have rules of a variant: to ask legacy would make its tables. */
export async function mayHaveRules(variant: IptablesVariant, family: IPFamily): Promise<boolean> {
  if (variant === 'legacy') return (await readProc(LEGACY_TABLES[family])).trim() !== '';
  return family === 'IPv4' || existsSync(IPV6_SETTINGS);
}

/** Empty where there is no such file. */
async function readProc(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}
