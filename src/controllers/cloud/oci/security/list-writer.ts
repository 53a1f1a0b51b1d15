/** One security list, read, merged and written: claims that come together are one write. */
import type { Clock } from '../../../../host/clock.ts';
import { isOutOfDate, type NetworkCalls, OciError } from '../calls.ts';
import type { SecurityProblem } from './asked.ts';
import { type Mark, mayBelong, parseMark, type Scope } from './marks.ts';
import { type Claim, LIST_LIMIT, type ListRules, latest, type Merged, merge, type Wanted } from './merge.ts';
import { type Direction, printRule, type SecurityList } from './rules.ts';

export interface ListSnapshot {
  readonly list: SecurityList;
  readonly etag: string | undefined;
}

/** A claim that does not fit. */
export interface ListProblem {
  readonly reason: SecurityProblem;
  readonly why: string;
  /** What there was no room for. */
  readonly refused: readonly Wanted[];
}

/** How often somebody else may come before us, between our reading and writing. */
const ATTEMPTS = 5;
/** For how long what was read is taken for true, in milliseconds; a write finds out by itself when it is not. */
const FRESH = 10_000;

interface Waiting {
  readonly claim: Claim;
  readonly settle: (problem: ListProblem | undefined) => void;
  readonly fail: (error: unknown) => void;
}

export class ListWriter {
  readonly id: string;
  readonly #network: NetworkCalls;
  readonly #clock: Clock;
  #seen: { readonly at: number; readonly snapshot: Promise<ListSnapshot> } | undefined;
  #atFirst: Promise<readonly Mark[]> | undefined;
  #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(id: string, network: NetworkCalls, clock: Clock) {
    this.id = id;
    this.#network = network;
    this.#clock = clock;
  }

  /** The list as it was a moment ago. */
  read(): Promise<ListSnapshot> {
    const now = this.#clock.steady();
    if (this.#seen === undefined || now - this.#seen.at >= FRESH) {
      const snapshot = this.#read();
      const seen = { at: now, snapshot };
      this.#seen = seen;
      snapshot.catch(() => {
        if (this.#seen === seen) this.#seen = undefined;
      });
    }
    return this.#seen.snapshot;
  }

  /** Whether rules that were in the list when it was first read may belong to the scope: what came since came by claims. */
  async mayHold(scope: Scope): Promise<boolean> {
    const marks = await this.#marksAtFirst();
    return marks.some((mark) => mayBelong(mark, scope));
  }

  /** Makes the list hold what is claimed; resolves with what stands against it. Of two claims of one scope the later counts. */
  claim(claim: Claim): Promise<ListProblem | undefined> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ claim, settle, fail });
      if (!this.#isWriting) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) await this.#turn();
    this.#isWriting = false;
  }

  /** Serves all who wait, in one write if that is needed at all. */
  async #turn(): Promise<void> {
    const served: Waiting[] = [];
    const claims = () => {
      // Taken as late as possible: those who came while the list was read are served as well.
      served.push(...this.#waiting.splice(0));
      return served.map(({ claim }) => claim);
    };
    try {
      const refusal = await this.#write(claims);
      for (const { claim, settle } of served) settle(refusal(claim));
    } catch (error) {
      if (isWrong(error) && served.length > 1) await this.#oneByOne(served);
      else for (const waiting of [...served, ...this.#waiting.splice(0)]) this.#fail(waiting, error);
    }
  }

  /** What OCI refuses of one Service is no matter of the others. */
  async #oneByOne(served: readonly Waiting[]): Promise<void> {
    for (const waiting of served) {
      const { claim, settle } = waiting;
      try {
        settle((await this.#write(() => [claim]))(claim));
      } catch (error) {
        this.#fail(waiting, error);
      }
    }
  }

  #fail({ claim: { wanted }, settle, fail }: Waiting, error: unknown): void {
    if (!isFull(error) || wanted.length === 0) fail(error);
    else settle({ reason: 'SecurityListFull', why: `security list ${this.id}: ${error.message}`, refused: wanted });
  }

  async #write(claims: () => readonly Claim[]): Promise<(claim: Claim) => ListProblem | undefined> {
    for (let attempt = 1; ; attempt++) {
      const { list, etag } = await this.read();
      const existing = { ingress: list.ingressSecurityRules, egress: list.egressSecurityRules };
      const { refused, ...changed } = merge(existing, latest(claims()));
      try {
        if (changed.ingress !== undefined || changed.egress !== undefined) await this.#update(changed, etag);
        return (claim) => problemOf({ ...list, ...countsOf(existing, changed) }, claim, refused);
      } catch (error) {
        if (!isOutOfDate(error) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  #marksAtFirst(): Promise<readonly Mark[]> {
    if (this.#atFirst === undefined) {
      const marks = this.read().then(marksIn);
      this.#atFirst = marks;
      marks.catch(() => {
        this.#atFirst = undefined;
      });
    }
    return this.#atFirst;
  }

  async #read(): Promise<ListSnapshot> {
    const { securityList, etag } = await this.#network.getSecurityList({ securityListId: this.id });
    return { list: securityList, etag };
  }

  async #update({ ingress, egress }: Omit<Merged, 'refused'>, ifMatch: string | undefined): Promise<void> {
    const details = {
      ...(ingress === undefined ? {} : { ingressSecurityRules: ingress }),
      ...(egress === undefined ? {} : { egressSecurityRules: egress }),
    };
    const condition = ifMatch === undefined ? {} : { ifMatch };
    try {
      const { securityList, etag } = await this.#network.updateSecurityList({
        securityListId: this.id,
        updateSecurityListDetails: details,
        ...condition,
      });
      this.#seen = { at: this.#clock.steady(), snapshot: Promise.resolve({ list: securityList, etag }) };
    } catch (error) {
      // It may have been done all the same: what was read before, or meanwhile, is no longer known to be true.
      this.#seen = undefined;
      throw error;
    }
  }
}

const isWrong = (error: unknown): boolean => error instanceof OciError && error.status === 400;

/** The cloud's limit is not the one that we know. */
const isFull = (error: unknown): error is OciError => error instanceof OciError && error.code === 'LimitExceeded';

function marksIn({ list: { ingressSecurityRules, egressSecurityRules } }: ListSnapshot): readonly Mark[] {
  const rules = [...ingressSecurityRules, ...egressSecurityRules];
  return rules.flatMap(({ description }) => parseMark(description) ?? []);
}

interface Counted extends Readonly<Record<Direction, number>> {
  readonly id: string;
  readonly displayName: string;
}

function countsOf(
  before: ListRules,
  { ingress, egress }: Omit<Merged, 'refused'>,
): Readonly<Record<Direction, number>> {
  return { ingress: (ingress ?? before.ingress).length, egress: (egress ?? before.egress).length };
}

function problemOf(list: Counted, { wanted }: Claim, refused: readonly Wanted[]): ListProblem | undefined {
  const owners = new Set(wanted.map(({ owner }) => owner));
  const mine = refused.filter(({ owner }) => owners.has(owner));
  const [first] = mine;
  if (first === undefined) return undefined;
  const { direction } = first.rule;
  const why =
    `security list "${list.displayName}" (${list.id}) has ${list[direction]} ${direction} rules of at most ${LIST_LIMIT}: ` +
    `no room for ${printRule(first.rule)}${mine.length > 1 ? ` and ${mine.length - 1} more` : ''}. ` +
    'Remove rules from it, or give the subnet another list and name it under loadBalancer.securityLists of the cloud config';
  return { reason: 'SecurityListFull', why, refused: mine };
}
