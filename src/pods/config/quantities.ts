/** Amounts of resources as the kernel counts them: whole numbers of some unit. */
import { parseQuantity } from '../../api/quantity.ts';

/** Amounts by the name of the resource: a container's limits or requests, or what a node has. */
export type Quantities = Readonly<Record<string, string | number>>;

/** Quantities are decimal: what floating point adds behind the sixth place is not part of them. */
function roundedUp(amount: number): number {
  return Math.ceil(Number(amount.toFixed(6)));
}

/** The quantity in units of `divisor`, rounded up; 0 for what is no quantity. */
export function inUnits(quantity: string | number | undefined, divisor = 1): number {
  return roundedUp((parseQuantity(quantity ?? 0) ?? 0) / divisor);
}
