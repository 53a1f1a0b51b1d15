/** iptables, of one variant: what the kernel's tables hold, and how they are changed. */
import type { IPFamily } from '../../lib/ip.ts';
import type { IptablesTable, TableCounts, TablePatch } from './model.ts';
import type { SavedTable } from './saved.ts';

/** Which of the kernel's packet filters iptables works on: its own of old, or nf_tables. */
export type IptablesVariant = 'legacy' | 'nft';
export const IPTABLES_VARIANTS: readonly IptablesVariant[] = ['nft', 'legacy'];

/** A program is not there, or it or the kernel refused what it was asked. */
export class IptablesError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'IptablesError';
  }
}

/** The iptables of the network namespace that its programs run in. */
export interface Iptables {
  readonly variant: IptablesVariant;
  /** Whether there can be any rules of a family. Reading a table of legacy's that nobody uses would make it. */
  inUse(family: IPFamily): Promise<boolean>;
  /** What a table holds of chains that begin with `prefix`. Costs time that grows with all that the table holds. */
  read(family: IPFamily, table: IptablesTable, prefix: string): Promise<SavedTable>;
  /** How much of it there is: as {@link read}, for less. */
  count(family: IPFamily, table: IptablesTable, prefix: string): Promise<TableCounts>;
  /** All of it takes effect at one moment, or nothing: then it throws {@link IptablesError}. */
  apply(patch: TablePatch): Promise<void>;
  /** A number that moves when rules come or go, whoever does it; cheap to ask for. Undefined where it cannot be told. */
  fingerprint(): Promise<number | undefined>;
  /** By how much a patch moves the fingerprint, when nothing else does. */
  moves(patch: TablePatch): number;
}
