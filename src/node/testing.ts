/** For tests of nodes. */
import type { Machine } from './desired.ts';

export const MACHINE: Machine = {
  hostname: 'host',
  architecture: 'amd64',
  cpus: 2,
  memory: 4 * 2 ** 30,
  kernelVersion: '6.1.0',
  osImage: 'Debian',
  machineID: 'm',
  bootID: 'b',
};
