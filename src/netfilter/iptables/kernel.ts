/** The kernel's iptables, through its programs: one process for what is read, one for each patch. */

import { NetlinkError } from '../../host/netlink-dump.ts';
import { CommandError, type RunCommand, runCommand } from '../../host/process.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { countRulesOf } from './count-rules.ts';
import { legacyEntries, rulesetGeneration } from './fingerprint.ts';
import { type Iptables, IptablesError, type IptablesVariant } from './iptables.ts';
import { type IptablesTable, isEmptyPatch, type TablePatch } from './model.ts';
import { printPatch } from './print.ts';
import { SavedTable } from './saved.ts';
import { type FoundVariant, findVariants, mayHaveRules, OLDEST_VERSION } from './variant.ts';

/** Seconds for which a program waits for the lock that all of them share. */
const LOCK_PATIENCE = '10';
/** Milliseconds after which a program is ended: nf_tables takes minutes for the largest of loads. */
const PATIENCE = 10 * 60_000;

export interface OpenOptions {
  /** Default: the one that this host uses. */
  readonly variant?: IptablesVariant;
  readonly run?: RunCommand;
}

/**
 * Every variant that is installed here, the one to use first: the first that the kernel serves. Throws
 * {@link IptablesError} when there is none.
 */
export async function openIptables({
  variant,
  run = runCommand,
}: OpenOptions = {}): Promise<readonly [Iptables, ...Iptables[]]> {
  const found = await findVariants(run);
  const candidates = found.filter((one) => variant === undefined || one.variant === variant);
  if (found.length === 0) throw new IptablesError(`there is no iptables from ${OLDEST_VERSION} on: install it`);
  if (candidates.length === 0) {
    const installed = found.map((one) => one.variant).join(', ');
    throw new IptablesError(`iptables of the variant ${variant} is not installed; there is: ${installed}`);
  }
  const used = await firstServed(candidates, run);
  const others = found.filter((one) => one !== used);
  return [kernelIptables(used, run), ...others.map((one) => kernelIptables(one, run))];
}

/** Every variant that is installed, to look for what an earlier run left. None of them is made to work here. */
export async function installedIptables(run: RunCommand = runCommand): Promise<readonly Iptables[]> {
  return (await findVariants(run)).map((one) => kernelIptables(one, run));
}

/** Throws what keeps the first from working when none does: a kernel without it, or no right to change it. */
async function firstServed(candidates: readonly FoundVariant[], run: RunCommand): Promise<FoundVariant> {
  let refused: unknown;
  for (const one of candidates) {
    try {
      await asked(() => run([`iptables${one.infix}`, '--wait', LOCK_PATIENCE, '-t', 'nat', '-S', 'PREROUTING']));
      return one;
    } catch (error) {
      refused ??= error;
    }
  }
  throw refused;
}

function kernelIptables({ variant, infix }: Pick<FoundVariant, 'variant' | 'infix'>, run: RunCommand): Iptables {
  const program = (family: IPFamily, tool: 'save' | 'restore') =>
    `${family === 'IPv4' ? 'iptables' : 'ip6tables'}${infix}-${tool}`;
  async function read(family: IPFamily, table: IptablesTable, prefix: string): Promise<SavedTable> {
    const saved = new SavedTable(prefix);
    const lines = new LineSplitter((line) => saved.read(line));
    const argv = [program(family, 'save'), '-t', table];
    await asked(() => run(argv, { timeout: PATIENCE, onOutput: (text) => lines.push(text) }));
    lines.end();
    return saved;
  }
  return {
    variant,
    inUse: async (family) => {
      // A kernel without nf_tables has no generations of it.
      if (variant === 'nft' && (await rulesetGeneration()) === undefined) return false;
      return mayHaveRules(variant, family);
    },
    read,
    async count(family, table, prefix) {
      if (variant === 'nft') return asked(() => countRulesOf({ family, table, prefix }));
      return (await read(family, table, prefix)).counts();
    },
    async apply(patch) {
      if (isEmptyPatch(patch)) return;
      const argv = [program(patch.family, 'restore'), '--noflush', '--wait', LOCK_PATIENCE];
      await asked(() => run(argv, { timeout: PATIENCE, input: inPieces(printPatch(patch)) }));
    },
    fingerprint: variant === 'nft' ? rulesetGeneration : legacyEntries,
    moves: variant === 'nft' ? transactions : addedEntries,
  };
}

/** nf_tables counts each patch as one generation. */
const transactions = (patch: TablePatch): number => (isEmptyPatch(patch) ? 0 : 1);

/** For legacy, a chain of ours has an entry for each rule, one before them and one behind them. */
function addedEntries({ chains, hooked, unhooked }: TablePatch): number {
  const entries = (rules: readonly string[] | undefined) => (rules === undefined ? 0 : rules.length + 2);
  const added = chains.reduce((total, { before, after }) => total + entries(after) - entries(before), 0);
  return added + hooked.length - unhooked.length;
}

async function asked<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (!(cause instanceof CommandError || cause instanceof NetlinkError)) throw cause;
    throw new IptablesError(cause.message, { cause });
  }
}

/** What is written at once, in characters: a pipe takes as much. */
const PIECE = 65_536;

/** The same text in fewer pieces. */
function* inPieces(texts: Iterable<string>): Iterable<string> {
  let piece = '';
  for (const text of texts) {
    piece += text;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

/** Cuts what comes in pieces into lines. */
class LineSplitter {
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }

  end(): void {
    if (this.#rest !== '') this.#onLine(this.#rest);
    this.#rest = '';
  }
}
