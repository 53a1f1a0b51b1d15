/** A feature of Services that real packets show, once for each address family and mode. */
import type { IPFamily } from '../../../lib/ip.ts';
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

/** What a fixture tells of one feature or story. */
export interface Result {
  readonly name: string;
  /** Absent for a story: it is about both. */
  readonly family?: IPFamily;
  /** Undefined when it is as it should be. */
  readonly error: string | undefined;
  /** Milliseconds. */
  readonly took: number;
}
