/** Which run of an agent renews the node's lease: what tells a machine from its copy, whose agents have one and the same id. Pure. */

/** The annotation of a node's Lease that holds the mark of the run that renewed it last. */
export const RUN = 'postern.dev/agent-run';

export interface Mark {
  /** Grows with each run that begins: who has the lesser one was there earlier. */
  readonly term: number;
  /** Made up when the run began. */
  readonly run: string;
}

export const printMark = ({ term, run }: Mark): string => `${term}.${run}`;

/** Undefined for what is none: nobody's. */
export function parseMark(text: string | undefined): Mark | undefined {
  const [, term, run] = /^(\d{1,15})\.([0-9a-f-]{36})$/.exec(text ?? '') ?? [];
  return term === undefined || run === undefined ? undefined : { term: Number(term), run };
}

/** Whether `a` began before `b`. Of two that began at the same moment either may stay, but both have to say the same one. */
export function isEarlier(a: Mark, b: Mark): boolean {
  return a.term === b.term ? a.run < b.run : a.term < b.term;
}
