/** Checks of port numbers in API objects, in Kubernetes' words. */
import { portNameMistake } from './names.ts';

export function portMistake(port: number): string | undefined {
  return Number.isInteger(port) && port >= 1 && port <= 65535 ? undefined : 'must be between 1 and 65535, inclusive';
}

/** A port by number or by the name of a container's port. */
export function targetPortMistake(port: number | string): string | undefined {
  return typeof port === 'number' ? portMistake(port) : portNameMistake(port);
}
