/** The fields that say something: null is for what is not there. */
export function present<T extends object>(details: T): T {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined && value !== null)) as T;
}
