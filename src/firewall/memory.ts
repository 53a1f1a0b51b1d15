/** A firewall that is not there: for tests, and to see what would be opened. It passes the contract. */
import { isDeepStrictEqual } from 'node:util';
import {
  type Admission,
  admissionKey,
  type Changes,
  type FirewallBackend,
  FirewallError,
  type Opening,
  type PodTraffic,
  sameAdmission,
  type Verdict,
} from './backend.ts';

/** What a firewall remembers when the program that filled it ends. */
export class MemoryRules {
  readonly admissions = new Map<string, Admission>();
  pods: PodTraffic | undefined;
  /** Refuses everything while it is set, as one that is away. */
  broken: string | undefined;
}

export function memoryFirewall(rules = new MemoryRules()): FirewallBackend {
  const { admissions } = rules;
  const put = (one: Opening) => {
    if (one.sources?.length !== 0) admissions.set(admissionKey(one), one);
  };
  const check = () => {
    if (rules.broken !== undefined) throw new FirewallError(rules.broken);
  };
  return {
    name: 'nftables',
    enforces: true,
    async load(openings) {
      check();
      admissions.clear();
      openings.forEach(put);
    },
    async change({ added, removed }: Changes) {
      check();
      for (const one of removed) admissions.delete(admissionKey(one));
      added.forEach(put);
    },
    async letPods(traffic) {
      check();
      rules.pods = traffic;
      return { kind: 'done' };
    },
    async podVerdict(traffic) {
      return isDeepStrictEqual(rules.pods, traffic) ? { kind: 'open-by-us' } : { kind: 'blocked', by: 'policy drop' };
    },
    async current() {
      return [...admissions.values()];
    },
    async verdicts(openings) {
      return openings.map((one): Verdict => {
        const there = admissions.get(admissionKey(one));
        const isOpen = there !== undefined && sameAdmission(there, one);
        return isOpen ? { kind: 'open-by-us' } : { kind: 'blocked', by: 'policy drop' };
      });
    },
    async remove() {
      admissions.clear();
      rules.pods = undefined;
    },
  };
}
