/**
 * Where a connection's first packet goes, by walking the rules as data: what the kernel would do, for tests. A drawn
 * number leads to every outcome that it could, so a trace answers "one of these".
 */
import { cidrContains, parseCIDR, parseIP } from '../lib/ip.ts';
import type { LiveTable } from './memory.ts';
import {
  type Atom,
  type Chain,
  type Concatenation,
  DIRECTIONS,
  type Element,
  type ElementValue,
  type Expression,
  elementKey,
  isVerdict,
  type Match,
  type Rule,
  type TransportProtocol,
  type Verdict,
} from './model.ts';

export interface Packet {
  readonly saddr: string;
  readonly daddr: string;
  readonly protocol: TransportProtocol;
  readonly dport: number;
  /** The interface that it came through; absent when that does not matter, and for what this machine sends. */
  readonly through?: string;
}

export interface Origin {
  /** `output` for what this machine sends itself. */
  readonly hook: 'prerouting' | 'output';
  /** Whether an address is this machine's own. */
  readonly isLocal: (ip: string) => boolean;
}

export interface Outcome {
  readonly act: 'accept' | 'drop' | 'reject';
  readonly to: { readonly ip: string; readonly port: number };
  readonly masqueraded: boolean;
}

/** A packet on its way, with what connection tracking knows of it. */
interface Flow extends Packet {
  readonly scratch: number;
  readonly original: Packet;
  readonly translated: boolean;
  readonly masqueraded: boolean;
}

/** How a chain ended for a flow; `end`: without a decision. */
interface Step {
  readonly act: Outcome['act'] | 'end';
  readonly flow: Flow;
}

/** Every outcome that the packet can have, each once. */
export function trace(tables: readonly LiveTable[], packet: Packet, origin: Origin): readonly Outcome[] {
  const start: Flow = { ...packet, scratch: 0, original: packet, translated: false, masqueraded: false };
  let steps: Step[] = [{ act: 'accept', flow: start }];
  for (const hook of [origin.hook, 'postrouting'] as const) {
    for (const { table, chain } of baseChains(tables, hook, packet)) {
      const walker = new Walker(table, origin);
      steps = steps.flatMap((step) => (step.act === 'accept' ? walker.base(chain, step.flow) : [step]));
    }
  }
  const outcomes = steps.map(outcome);
  return [...new Map(outcomes.map((one) => [JSON.stringify(one), one])).values()];
}

function outcome({ act, flow }: Step): Outcome {
  const decided = act === 'end' ? 'accept' : act;
  return { act: decided, to: { ip: flow.daddr, port: flow.dport }, masqueraded: flow.masqueraded };
}

function baseChains(tables: readonly LiveTable[], hook: string, { daddr }: Packet) {
  const family = daddr.includes(':') ? 'ip6' : 'ip';
  return tables
    .filter(({ table }) => table.family === family)
    .flatMap((table) => [...table.chains.values()].map((chain) => ({ table, chain })))
    .filter(({ chain }) => chain.hook?.hook === hook)
    .sort((a, b) => (a.chain.hook?.priority ?? 0) - (b.chain.hook?.priority ?? 0));
}

/** Walks one table. */
class Walker {
  readonly #table: LiveTable;
  readonly #origin: Origin;

  constructor(table: LiveTable, origin: Origin) {
    this.#table = table;
    this.#origin = origin;
  }

  /** Base chains accept what no rule decides. */
  base(chain: Chain, flow: Flow): Step[] {
    return this.#rules(chain.rules, flow).map((step) => (step.act === 'end' ? { ...step, act: 'accept' } : step));
  }

  #rules(rules: readonly Rule[], flow: Flow): Step[] {
    const [rule, ...rest] = rules;
    if (rule === undefined) return [{ act: 'end', flow }];
    const onward = (): Step[] => this.#rules(rest, flow);
    if (!rule.matches.every((match) => this.#matches(match, flow))) return onward();
    const { statement } = rule;
    switch (statement.kind) {
      case 'verdict':
        return this.#verdict(statement.verdict, rest, flow);
      case 'vmap':
        return this.#lookUp(statement.map, statement.key, flow).flatMap((value) =>
          value !== undefined && isVerdict(value) ? this.#verdict(value, rest, flow) : onward(),
        );
      case 'dnat':
        return this.#lookUp(statement.map, statement.key, flow).flatMap((value) =>
          value === undefined || isVerdict(value) ? onward() : [{ act: 'accept', flow: translate(flow, value) }],
        );
      case 'draw':
        return numbers(statement.modulus).flatMap((scratch) => this.#rules(rest, { ...flow, scratch }));
      case 'load':
        return this.#lookUp(statement.map, statement.key, flow).flatMap((value) =>
          value === undefined || isVerdict(value)
            ? onward()
            : this.#rules(rest, { ...flow, scratch: Number(value[0]) }),
        );
      // A packet that others went before may be led where they were; this is the first.
      case 'recall':
      case 'remember':
      case 'forget':
      case 'count':
      case 'duplicate':
        return onward();
      case 'clear-scratch':
        return this.#rules(rest, { ...flow, scratch: 0 });
      case 'masquerade':
        return [{ act: 'accept', flow: { ...flow, masqueraded: true } }];
      case 'reject':
        return [{ act: 'reject', flow }];
    }
  }

  #verdict(verdict: Verdict, rest: readonly Rule[], flow: Flow): Step[] {
    if (!('chain' in verdict)) return [{ act: verdict.kind === 'return' ? 'end' : verdict.kind, flow }];
    const chain = this.#table.chains.get(verdict.chain);
    if (chain === undefined) throw new Error(`no chain ${verdict.chain}`);
    const steps = this.#rules(chain.rules, flow);
    if (verdict.kind === 'goto') return steps;
    return steps.flatMap((step) => (step.act === 'end' ? this.#rules(rest, step.flow) : [step]));
  }

  #matches(match: Match, flow: Flow): boolean {
    switch (match.kind) {
      case 'protocol':
        return flow.protocol === match.protocol;
      case 'invalid':
      case 'mid-connection':
        return false; // What begins a connection is not.
      case 'unknown':
        return true;
      case 'translated':
        return flow.translated;
      case 'local':
        return this.#origin.isLocal(flow[match.of]);
      case 'within':
        return covers(match.prefix, flow[match.of]);
      case 'bridged':
        return false; // Traced packets are routed.
      case 'through':
        return this.#origin.hook === 'prerouting' && isNamed(flow.through, match.interface) !== (match.not ?? false);
      case 'in-set':
        return keys(match.key, flow).some((key) => contains(this.#set(match.set), key));
    }
  }

  /** What the map has for each key that can come up; undefined for a key that it lacks. */
  #lookUp(map: string, expressions: Concatenation, flow: Flow): (ElementValue | undefined)[] {
    return keys(expressions, flow).map((key) => this.#set(map).get(elementKey(key))?.value);
  }

  #set(name: string): ReadonlyMap<string, Element> {
    const set = this.#table.sets.get(name);
    if (set === undefined) throw new Error(`no set ${name}`);
    return set;
  }
}

function translate(flow: Flow, value: readonly Atom[]): Flow {
  const [ip, port] = value;
  return { ...flow, daddr: String(ip), dport: Number(port), translated: true };
}

function isNamed(name = '', pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Every key that the expressions can give. */
function keys(expressions: Concatenation, flow: Flow): Atom[][] {
  return expressions.reduce<Atom[][]>(
    (sofar, expression) => sofar.flatMap((key) => values(expression, flow).map((value) => [...key, value])),
    [[]],
  );
}

function values(expression: Expression, flow: Flow): Atom[] {
  switch (expression.kind) {
    case 'saddr':
    case 'daddr':
      return [flow[expression.kind]];
    case 'l4proto':
      return [flow.protocol];
    case 'dport':
      return [flow.dport];
    case 'original-daddr':
      return [flow.original.daddr];
    case 'original-dport':
      return [flow.original.dport];
    case 'reply-saddr':
      return [flow.daddr];
    case 'reply-sport':
      return [flow.dport];
    case 'direction':
      return [DIRECTIONS.original];
    case 'random':
      return numbers(expression.modulus);
    case 'scratch':
      return [flow.scratch];
    case 'hash':
      throw new Error('what a hash is only the kernel knows');
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

/** A set with prefixes contains the addresses within them. */
function contains(set: ReadonlyMap<string, Element>, key: readonly Atom[]): boolean {
  if (set.has(elementKey(key))) return true;
  return [...set.values()].some((element) => key.every((atom, at) => covers(element.key[at], atom)));
}

function covers(wanted: Atom | undefined, atom: Atom): boolean {
  if (wanted === atom) return true;
  const [cidr, ip] = [parseCIDR(String(wanted)), parseIP(String(atom))];
  return cidr !== undefined && ip !== undefined && cidrContains(cidr, ip);
}
