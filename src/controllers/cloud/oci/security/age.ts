/** Of several that could be meant, the oldest is: the same one for all who look. */

interface Made {
  readonly id: string;
  /** The SDK says Date, and gives what is on the wire. */
  readonly timeCreated: Date | string;
}

/** Compares for sorting, the oldest first. */
export function byAge(a: Made, b: Made): number {
  return timeOf(a) - timeOf(b) || (a.id < b.id ? -1 : 1);
}

const timeOf = ({ timeCreated }: Made): number => new Date(timeCreated).getTime();
