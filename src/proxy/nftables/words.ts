/** Short words for what the rules are made of. */
import type { Concatenation, Expression, Match, Rule, Statement, TransportProtocol } from '../../netfilter/model.ts';

export const saddr: Expression = { kind: 'saddr' };
export const daddr: Expression = { kind: 'daddr' };
export const l4proto: Expression = { kind: 'l4proto' };
export const dport = (protocol?: TransportProtocol): Expression => ({ kind: 'dport', ...(protocol && { protocol }) });
/** What the scratch register holds. */
export const scratch: Expression = { kind: 'scratch' };
export const random = (modulus: number): Expression => ({ kind: 'random', modulus });

/** What a client asked for. */
export const requested: Concatenation = [daddr, l4proto, dport()];

export const rule = (matches: readonly Match[], statement: Statement): Rule => ({ matches, statement });
export const inSet = (key: Concatenation, set: string): Match => ({ kind: 'in-set', key, set });
export const jump = (chain: string): Statement => ({ kind: 'verdict', verdict: { kind: 'jump', chain } });
export const RETURN: Statement = { kind: 'verdict', verdict: { kind: 'return' } };
export const DROP: Statement = { kind: 'verdict', verdict: { kind: 'drop' } };
