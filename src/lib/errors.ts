/** What a caught value says of itself: anything can be thrown. */

/** Its message; of what is no Error, its text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error of the system or of Node.js, such as ENOENT; undefined when it has none. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Why a host could not be reached: as the system says it, or that its name cannot be resolved (getaddrinfo(3)). */
export function whyUnreachable(error: unknown): string {
  const code = codeOf(error);
  if (code !== 'ENOTFOUND' && code !== 'EAI_AGAIN') return messageOf(error);
  const name = error instanceof Error && 'hostname' in error ? `the name ${String(error.hostname)}` : 'its name';
  return code === 'ENOTFOUND' ? `${name} cannot be resolved` : `${name} cannot be resolved now: no DNS server answers`;
}
