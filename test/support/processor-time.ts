/** How long something keeps a processor at work: the same however busy others keep the machine, as time by the clock is not. */

/** Milliseconds of processor time that the calling thread has had so far. */
export function processorTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The same of all threads of this process together. */
export function processorTimeOfAll(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
