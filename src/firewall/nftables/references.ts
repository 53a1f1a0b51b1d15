/** References to our sets in rules of administrators, as the documentation has people write them. */
import { IP_FAMILIES } from '../../lib/ip.ts';
import type { Term } from '../ruleset/model.ts';
import { MANAGED_SETS } from './layout.ts';
import { POD_SETS } from './pods.ts';
import type { Words } from './words.ts';

interface Reference {
  readonly term: Term;
  readonly words: readonly string[];
}

/** Our sets, as the documentation has people refer to them. */
const OURS: readonly Reference[] = IP_FAMILIES.flatMap((family) => {
  const ip = family === 'IPv4' ? 'ip' : 'ip6';
  const { anyone, named } = MANAGED_SETS[family];
  const ways = [
    { by: 'original', key: `ct original ${ip} daddr . meta l4proto . ct original proto-dst` },
    { by: 'here', key: `${ip} daddr . meta l4proto . th dport` },
  ] as const;
  const reference = (text: string, term: Pick<Ours, 'by' | 'audience'>): Reference => ({
    term: { kind: 'ours', family, ...term },
    words: text.split(' '),
  });
  const forPods = [
    { term: { kind: 'for-pods' }, words: `${ip} saddr @${POD_SETS[family].peers}`.split(' ') },
    { term: { kind: 'for-pods' }, words: `${ip} daddr @${POD_SETS[family].pods}`.split(' ') },
  ] as const;
  const exposed = ways.flatMap(({ by, key }) => [
    reference(`${key} @${anyone}`, { by, audience: 'anyone' }),
    reference(`${key} . ${ip} saddr @${named}`, { by, audience: 'named' }),
    reference(`${key} . ct original ${ip} saddr @${named}`, { by, audience: 'named' }),
  ]);
  return [...exposed, ...forPods];
});

type Ours = Extract<Term, { readonly kind: 'ours' }>;

/** The term for a reference that comes next; undefined: there is none. */
export const readOurs = (words: Words): Term | undefined => OURS.find((one) => words.take(...one.words))?.term;
