/** How much the MetalLB object wants to be logged. Pure. */
import type { MetalLB } from './metallb.ts';

/** MetalLB's levels are ours but for `all`, which is debug, and `none`. Undefined: the object does not say. */
export function logLevelOf(metallb: MetalLB | undefined): 'debug' | 'info' | 'warn' | 'error' | 'silent' | undefined {
  const level = metallb?.spec?.logLevel;
  if (level === 'all') return 'debug';
  return level === 'none' ? 'silent' : level;
}
