/** Reads a mapping field by field and keeps what is wrong with each, so that all of it can be told at once. */
import { Secret } from './secret.ts';

export interface Problem {
  /** By its path: `loadBalancer.subnet1`. */
  readonly field: string;
  /** What was found, what is allowed, what to do. Nothing of a secret. */
  readonly why: string;
}

type Mapping = Readonly<Record<string, unknown>>;

/** Characters of a value that is shown. */
const MAX_SHOWN = 80;

/**
 * Scalars are texts, whatever they look like, as YAML's failsafe schema has them: a passphrase of digits is one. Empty ones are not
 * there.
 */
export class Fields {
  readonly problems: Problem[];
  readonly #path: string;
  readonly #mapping: Mapping;
  readonly #asked = new Set<string>();
  readonly #groups = new Map<string, Fields>();

  constructor(value: unknown, path = '', problems: Problem[] = []) {
    this.#path = path;
    this.problems = problems;
    const given = value === undefined || value === '' ? {} : value;
    if (isMapping(given)) {
      this.#mapping = given;
      return;
    }
    this.#mapping = {};
    problems.push({ field: path === '' ? 'the file' : path, why: 'must be a mapping of fields to values' });
  }

  /** A field's full name. */
  nameOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  wrong(name: string, why: string): undefined {
    this.problems.push({ field: this.nameOf(name), why });
  }

  has(name: string): boolean {
    return this.#mapping[name] !== undefined && this.#mapping[name] !== '';
  }

  text(name: string): string | undefined {
    this.#asked.add(name);
    const value = this.#mapping[name];
    if (value === undefined || value === '') return undefined;
    return typeof value === 'string' ? value : this.wrong(name, 'must be a text, not a mapping or list');
  }

  secret(name: string): Secret | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : new Secret(text);
  }

  /** A text of a form; `what` says which, with an example. */
  matching(name: string, pattern: RegExp, what: string): string | undefined {
    const text = this.text(name);
    if (text === undefined || pattern.test(text)) return text;
    return this.wrong(name, `is ${shown(text)}; it must be ${what}`);
  }

  /** https://docs.oracle.com/en-us/iaas/Content/General/Concepts/identifiers.htm */
  ocid(name: string, ...types: readonly string[]): string | undefined {
    const pattern = new RegExp(`^ocid1\\.(${types.join('|')})\\.[\\w-]+\\.([\\w-]*\\.){1,2}[\\w-]+$`);
    return this.matching(name, pattern, `the OCID of a ${types[0]}: ocid1.${types[0]}.REALM.[REGION].ID`);
  }

  flag(name: string): boolean {
    const text = this.text(name)?.toLowerCase();
    if (text !== undefined && text !== 'true' && text !== 'false') {
      this.wrong(name, `is ${shown(text)}; it must be true or false`);
    }
    return text === 'true';
  }

  positive(name: string, fallback: number): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = Number(text);
    if (Number.isFinite(value) && value > 0) return value;
    this.wrong(name, `is ${shown(text)}; it must be a number above 0 (default ${fallback})`);
    return fallback;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const text = this.text(name);
    const found = allowed.find((one) => one === text);
    if (text !== undefined && found === undefined) {
      this.wrong(name, `is ${shown(text)}; it must be one of ${allowed.join(', ')}`);
    }
    return found;
  }

  group(name: string): Fields {
    this.#asked.add(name);
    const group = this.#groups.get(name) ?? new Fields(this.#mapping[name], this.nameOf(name), this.problems);
    this.#groups.set(name, group);
    return group;
  }

  /** All names that are given; for mappings whose keys are not ours. */
  names(): readonly string[] {
    return Object.keys(this.#mapping);
  }

  /** Texts by names that are not ours. */
  texts(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.names().map((name) => [name, this.text(name) ?? '']));
  }

  /** Marks fields as known, and says which of them are given. */
  known(...names: readonly string[]): readonly string[] {
    for (const name of names) this.#asked.add(name);
    return names.filter((name) => this.has(name)).map((name) => this.nameOf(name));
  }

  /** Says which fields are none, once all others have been asked for. */
  refuseOthers(): void {
    for (const name of this.names()) {
      if (!this.#asked.has(name)) this.wrong(name, `is no field; there are ${[...this.#asked].sort().join(', ')}`);
    }
  }
}

/** A value that is no secret, in a message. */
export function shown(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
