/** Ports by number or name. Pure. */
import type { Container } from '../../api/core/v1/pod-spec.ts';

/** The number of a port of a container; undefined when it has none of that name, or there is no such number. */
export function portNumber(reference: number | string, { ports = [] }: Container): number | undefined {
  const named = ports.find(({ name }) => name !== undefined && name === reference);
  const number = named?.containerPort ?? Number(reference);
  return Number.isInteger(number) && number > 0 && number < 65_536 ? number : undefined;
}
