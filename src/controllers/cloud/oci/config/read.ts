/** Reads the cloud provider's configuration file. */
import type { OciConfig } from '../config.ts';
import type { Problem } from './fields.ts';
import { readText } from './files.ts';
import { parseConfig } from './parse.ts';

/** The configuration cannot be used. The message names every field that is wrong, and never what a secret one holds. */
export class OciConfigError extends Error {
  readonly problems: readonly Problem[];
  readonly remedy = 'docs/oci-credentials.md has examples.';

  constructor(path: string, problems: readonly Problem[], options?: ErrorOptions) {
    super([`cloud config ${path}:`, ...problems.map(({ field, why }) => `  ${field}: ${why}`)].join('\n'), options);
    this.name = 'OciConfigError';
    this.problems = problems;
  }
}

/** YAML or JSON. Throws {@link OciConfigError}. */
export async function readOciConfig(path: string): Promise<OciConfig> {
  const read = await readText(path);
  if (read.kind === 'unreadable') {
    throw new OciConfigError(path, [{ field: 'the file', why: read.why }], { cause: read.cause });
  }
  const parsed = await parseConfig(read.text, { path, isWorldReadable: read.isWorldReadable });
  if (parsed.kind === 'problems') throw new OciConfigError(path, parsed.problems);
  return parsed.config;
}
