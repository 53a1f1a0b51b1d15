/** The configuration file of OCI's command line and SDKs. https://docs.oracle.com/en-us/iaas/Content/API/Concepts/sdkconfig.htm */

export type ProfileReading =
  | { readonly kind: 'profile'; readonly entries: ReadonlyMap<string, string> }
  | { readonly kind: 'mistake'; readonly why: string };

/** Where there is none of a name, a profile has what this one has. */
export const DEFAULT_PROFILE = 'DEFAULT';

export function readProfile(text: string, name: string): ProfileReading {
  const profiles = new Map<string, Map<string, string>>();
  let current: Map<string, string> | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith(';')) continue;
    const header = /^\[(.+)\]$/.exec(trimmed)?.[1]?.trim();
    if (header !== undefined) {
      current = profiles.get(header) ?? new Map();
      profiles.set(header, current);
      continue;
    }
    const at = trimmed.indexOf('=');
    // The line itself is not shown: it may be part of a secret.
    if (at <= 0) return mistake(`line ${index + 1} is neither [PROFILE] nor NAME=VALUE`);
    if (current === undefined) return mistake(`line ${index + 1} stands before the first [PROFILE]`);
    current.set(trimmed.slice(0, at).trim(), trimmed.slice(at + 1).trim());
  }
  const own = profiles.get(name);
  if (own === undefined) return mistake(`has no profile ${name}; it has: ${[...profiles.keys()].join(', ') || 'none'}`);
  return { kind: 'profile', entries: new Map([...(profiles.get(DEFAULT_PROFILE) ?? []), ...own]) };
}

function mistake(why: string): ProfileReading {
  return { kind: 'mistake', why };
}
