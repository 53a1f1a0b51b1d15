/** What the published API says of values, as checks of them. A null stands for an optional value that is not there, as on the wire. */
import { parseCIDR, parseIP } from '../../../../lib/ip.ts';

export interface Problem {
  readonly code: 'MissingParameter' | 'InvalidParameter';
  readonly message: string;
}

/** `T` is what a value is known to be once nothing was wrong with it. */
export interface Check<out T> {
  readonly is?: T;
  readonly run: (value: unknown, at: string, problems: Problem[]) => void;
}

interface Field<out T, Optional extends boolean> {
  readonly optional: Optional;
  readonly check: Check<T>;
}

/** Every field that the API has, each said to be required or optional as the API has it; no other field is let pass. */
type Fields<T> = {
  readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>, undefined extends T[K] ? true : false>;
};

export const required = <T>(check: Check<T>): Field<T, false> => ({ optional: false, check });
export const optional = <T>(check: Check<T>): Field<T, true> => ({ optional: true, check });

const wrong = (message: string): Problem => ({ code: 'InvalidParameter', message });

/** A check by one question, which answers what is wrong. */
export const value = <T>(question: (value: unknown) => string | undefined): Check<T> => ({
  run: (value, at, problems) => {
    const answer = question(value);
    if (answer !== undefined) problems.push(wrong(`${at} ${answer}`));
  },
});

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const object = <T extends object>(fields: Fields<T>, also?: (value: T) => string | undefined): Check<T> => ({
  run: (value, at, problems) => {
    if (!isRecord(value)) {
      problems.push(wrong(`${at} is to be an object`));
      return;
    }
    const before = problems.length;
    for (const name of Object.keys(value)) {
      if (!(name in fields)) problems.push(wrong(`${at}.${name} is not a field of the API`));
    }
    for (const [name, field] of Object.entries<Field<unknown, boolean>>(fields)) {
      const found = value[name];
      if (found !== undefined && found !== null) field.check.run(found, `${at}.${name}`, problems);
      else if (!field.optional) problems.push({ code: 'MissingParameter', message: `${at}.${name} is missing` });
    }
    const more = problems.length === before ? also?.(value as T) : undefined;
    if (more !== undefined) problems.push(wrong(`${at} ${more}`));
  },
});

export const list = <T>(of: Check<T>, { min = 0, max = 10_000, unique = false } = {}): Check<readonly T[]> => ({
  run: (value, at, problems) => {
    if (!Array.isArray(value)) problems.push(wrong(`${at} is to be an array`));
    else if (value.length < min || value.length > max) {
      problems.push(wrong(`${at} has ${value.length} items, and may have ${min} to ${max}`));
    } else if (unique && new Set(value).size < value.length) problems.push(wrong(`${at} has an item twice`));
    else for (const [index, item] of value.entries()) of.run(item, `${at}[${index}]`, problems);
  },
});

interface Named {
  readonly name?: Check<string>;
  readonly max?: number;
}

export const map = <T>(
  of: Check<T>,
  { name = text(), max = 10_000 }: Named = {},
): Check<{ readonly [key: string]: T }> => ({
  run: (value, at, problems) => {
    if (!isRecord(value)) {
      problems.push(wrong(`${at} is to be an object`));
      return;
    }
    const entries = Object.entries(value);
    if (entries.length > max) problems.push(wrong(`${at} has ${entries.length} entries, and may have ${max}`));
    for (const [key, item] of entries) {
      name.run(key, `${at}: the name ${JSON.stringify(key)}`, problems);
      of.run(item, `${at}.${key}`, problems);
    }
  },
});

export const text = ({
  min = 0,
  max = 1024,
  like,
}: {
  min?: number;
  max?: number;
  like?: RegExp;
} = {}): Check<string> =>
  value((found) => {
    if (typeof found !== 'string') return 'is to be a string';
    if (found.length < min || found.length > max)
      return `is to have ${min} to ${max} characters, and has ${found.length}`;
    return like === undefined || like.test(found) ? undefined : `${JSON.stringify(found)} does not match ${like}`;
  });

export const integer = (min: number, max: number): Check<number> =>
  value((found) =>
    typeof found === 'number' && Number.isInteger(found) && found >= min && found <= max
      ? undefined
      : `is to be a whole number from ${min} to ${max}, and is ${JSON.stringify(found)}`,
  );

export const boolean: Check<boolean> = value((found) =>
  typeof found === 'boolean' ? undefined : 'is to be true or false',
);

export const oneOf = <const T extends string>(...names: readonly T[]): Check<T> =>
  value((found) =>
    names.some((name) => name === found)
      ? undefined
      : `is to be one of ${names.join(', ')}, and is ${JSON.stringify(found)}`,
  );

/** https://docs.oracle.com/en-us/iaas/Content/General/Concepts/identifiers.htm */
export const ocid = (...types: readonly string[]): Check<string> =>
  text({
    max: 255,
    like: new RegExp(`^ocid1\\.(${types.join('|')})\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9-]+)?\\.[a-zA-Z0-9]+$`),
  });

export const ip: Check<string> = value((found) =>
  typeof found === 'string' && parseIP(found) !== undefined ? undefined : `${JSON.stringify(found)} is no IP address`,
);

/** A prefix whose bits after the prefix are 0. */
export const cidr: Check<string> = value((found) => {
  const prefix = typeof found === 'string' ? parseCIDR(found) : undefined;
  if (typeof found !== 'string' || prefix === undefined) return `${JSON.stringify(found)} is no CIDR block`;
  const written = parseIP(found.slice(0, found.indexOf('/')));
  return written?.value === prefix.base.value ? undefined : `${found} has bits after its prefix`;
});

/** Not decided here: what the API takes as it is. */
export const anything: Check<never> = { run: () => undefined };

/** https://docs.oracle.com/en-us/iaas/Content/Tagging/Concepts/taggingoverview.htm#limits */
export const freeformTags = map(text({ max: 256 }), { name: text({ min: 1, max: 100 }), max: 10 });
export const definedTags: Check<never> = { run: map(map(anything)).run };
export const port = integer(1, 65_535);

/** All that is wrong with a value. */
export function problemsOf(check: Check<unknown>, found: unknown, at: string): readonly Problem[] {
  const problems: Problem[] = [];
  check.run(found, at, problems);
  return problems;
}
