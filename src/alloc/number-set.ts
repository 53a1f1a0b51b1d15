/** A set of whole numbers that knows the lowest one it lacks, however many it has. */

/** Numbers are read as digits of this many bits: one word says which of a node's 32 subtrees are complete. */
const DIGIT_BITS = 5n;
const DIGITS = 1n << DIGIT_BITS;
const ALL = -1;

/** A subtree that has some of its numbers. Those that have all or none of them take no memory. */
interface Node {
  /** Bit by bit: the subtrees, or at the last digit the numbers, that are there entirely. */
  full: number;
  readonly children: Map<number, Node>;
}

/**
 * Each operation costs one step per five bits of the largest number that may be in the set; the memory grows with the
 * number of runs of neighbours, not with the size of the set.
 */
export class NumberSet {
  readonly #limit: bigint;
  readonly #depth: number;
  readonly #root: Node = { full: 0, children: new Map() };
  #size = 0n;

  /** For numbers from 0 up to, but not including, `limit`. */
  constructor(limit: bigint) {
    this.#limit = limit;
    let depth = 1;
    for (let reach = DIGITS; reach < limit; reach *= DIGITS) depth++;
    this.#depth = depth;
  }

  get size(): bigint {
    return this.#size;
  }

  /** Whether it was not there before. */
  add(number: bigint): boolean {
    const path: [Node, number][] = [];
    let node = this.#root;
    for (const digit of this.#digits(number)) {
      if (hasBit(node.full, digit)) return false;
      path.push([node, digit]);
      if (path.length < this.#depth) node = childOf(node, digit, 0);
    }
    for (const [parent, digit] of path.toReversed()) {
      parent.full |= 1 << digit;
      parent.children.delete(digit);
      if (parent.full !== ALL) break;
    }
    this.#size++;
    return true;
  }

  /** Whether it was there. */
  delete(number: bigint): boolean {
    if (!this.has(number)) return false;
    const path: [Node, number][] = [];
    let node = this.#root;
    for (const digit of this.#digits(number)) {
      path.push([node, digit]);
      const wasFull = hasBit(node.full, digit);
      node.full &= ~(1 << digit);
      if (path.length < this.#depth) node = childOf(node, digit, wasFull ? ALL : 0);
    }
    for (const [parent, digit] of path.toReversed()) {
      const child = parent.children.get(digit);
      if (child !== undefined && child.full === 0 && child.children.size === 0) parent.children.delete(digit);
    }
    this.#size--;
    return true;
  }

  has(number: bigint): boolean {
    let node: Node | undefined = this.#root;
    for (const digit of this.#digits(number)) {
      if (node === undefined) return false;
      if (hasBit(node.full, digit)) return true;
      node = node.children.get(digit);
    }
    return false;
  }

  /** The lowest number below the limit that is not there; undefined when all are. */
  lowestAbsent(): bigint | undefined {
    let number = 0n;
    let node: Node | undefined = this.#root;
    for (let level = 0; level < this.#depth; level++) {
      const digit = node === undefined ? 0 : lowestBit(~node.full);
      if (digit === undefined) return undefined;
      number = (number << DIGIT_BITS) | BigInt(digit);
      node = node?.children.get(digit);
    }
    return number < this.#limit ? number : undefined;
  }

  /** Most significant first. */
  *#digits(number: bigint): Generator<number, void, undefined> {
    if (number < 0n || number >= this.#limit) throw new RangeError(`${number} is not below ${this.#limit}`);
    for (let shift = BigInt(this.#depth - 1) * DIGIT_BITS; shift >= 0n; shift -= DIGIT_BITS) {
      yield Number((number >> shift) & (DIGITS - 1n));
    }
  }
}

function childOf(node: Node, digit: number, full: number): Node {
  let child = node.children.get(digit);
  if (child === undefined) {
    child = { full, children: new Map() };
    node.children.set(digit, child);
  }
  return child;
}

function hasBit(word: number, bit: number): boolean {
  return ((word >>> bit) & 1) === 1;
}

/** Undefined when no bit is set. */
function lowestBit(word: number): number | undefined {
  return word === 0 ? undefined : 31 - Math.clz32(word & -word);
}
