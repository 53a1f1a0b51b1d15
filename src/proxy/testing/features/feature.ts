/** A feature of Services that real packets show, once for each address family and mode. */
import type { Case } from './case.ts';
import type { SettingName } from './settings.ts';

export interface Feature {
  /** A sentence about behaviour. */
  readonly name: string;
  /** How the proxy is set up for it. */
  readonly setting: SettingName;
  /** Throws when the feature is not there. */
  run(it: Case): Promise<void>;
}

/** A feature of a proxy as it is by default, or set up otherwise. */
export function feature(name: string, run: (it: Case) => Promise<void>, setting: SettingName = 'default'): Feature {
  return { name, run, setting };
}

/** What a fixture tells of one feature. */
export interface Result {
  readonly feature: string;
  readonly family: string;
  /** Undefined when it is as it should be. */
  readonly error: string | undefined;
  /** Milliseconds. */
  readonly took: number;
}
