/** What the kernel says of a process. */
import { readFile } from 'node:fs/promises';

const TICKS_A_SECOND = 100;
const MEGABYTE_IN_KILOBYTES = 1000;

/** Its resident memory, in megabytes. */
export async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / MEGABYTE_IN_KILOBYTES;
}

/** Processor time that it has used so far, in seconds. */
export async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may hold anything; what follows is split by spaces, from the third field on (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}
