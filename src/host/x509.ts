/**
 * `@peculiar/x509`, loaded when a certificate has to be made. It builds on tsyringe, which refuses to load without the
 * Reflect metadata API. Nothing here injects by type, so it is enough that the three calls exist while it loads.
 */
type X509 = typeof import('@peculiar/x509');

let loaded: Promise<X509> | undefined;

/**
 * The library. The first call costs about 80 ms; and it reads files, so a process that gives up its right to read them makes it
 * before.
 */
export function x509(): Promise<X509> {
  loaded ??= load();
  return loaded;
}

const METADATA_CALLS = ['getMetadata', 'getOwnMetadata', 'defineMetadata'] as const;

async function load(): Promise<X509> {
  const missing = METADATA_CALLS.filter((name) => !(name in Reflect));
  for (const name of missing) Object.defineProperty(Reflect, name, { value: () => undefined, configurable: true });
  try {
    return await import('@peculiar/x509');
  } finally {
    for (const name of missing) Reflect.deleteProperty(Reflect, name);
  }
}
