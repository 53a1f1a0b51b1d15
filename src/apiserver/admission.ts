/**
 * What belongs to a write besides the object itself: claims on addresses and ports, and conditions on other objects. It
 * all goes into the object's own transaction, so that it holds together or not at all.
 */
import type { AnyKind } from '../api/kinds.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import type { Compare, Operation, Revision } from '../store/store.ts';
import type { User } from './auth/user.ts';

/** A write on its way to the store. `next` is undefined when the object goes, `old` when it comes. */
export interface Write {
  readonly kind: AnyKind;
  readonly old: KubeObject | undefined;
  readonly next: KubeObject | undefined;
  /** Who asks for it; undefined: the server itself. */
  readonly by?: User | undefined;
  /** Undefined: the object itself. */
  readonly subresource?: string | undefined;
  /**
   * Whether what was read before may be taken for what is there, if a compare is made of it: a write then shows by its compares whether it
   * was, and a refusal is not told before all has been asked again without trust.
   */
  readonly isTrusting?: boolean;
}

export interface Admitted {
  /** `write.next`, completed. */
  readonly next: KubeObject | undefined;
  readonly compares: readonly Compare[];
  readonly operations: readonly Operation[];
}

export interface Admission {
  /** Completes a write, or throws an ApiError. Asked again, from the start, when a compare did not hold. */
  admit(write: Write): Promise<Admitted>;
  /** Told about operations that were written, or about keys that turned out not to be as a compare expected. */
  settled?(outcome: Settlement): void;
}

export interface Settlement {
  readonly written: readonly Operation[];
  /** Of what was written; undefined when nothing was. */
  readonly revision?: Revision;
  /** Keys that were not as a compare expected, and whether there is anything at them. */
  readonly stale: readonly { readonly key: string; readonly isThere: boolean }[];
}

/** Asks every admission in turn. */
export async function admitAll(admissions: readonly Admission[], write: Write): Promise<Admitted> {
  let next = write.next;
  const compares: Compare[] = [];
  const operations: Operation[] = [];
  for (const admission of admissions) {
    const admitted = await admission.admit({ ...write, next });
    next = admitted.next;
    compares.push(...admitted.compares);
    operations.push(...admitted.operations);
  }
  return { next, compares, operations };
}
