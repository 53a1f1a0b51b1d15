/** What this machine is, read from the system. */
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { codeOf } from '../lib/errors.ts';
import type { Machine } from './desired.ts';

/** Reads the machine. A file that a minimal system lacks leaves its field empty. */
export async function readMachine(): Promise<Machine> {
  const [machineID, bootID, release] = await Promise.all([
    readText('/etc/machine-id'),
    readText('/proc/sys/kernel/random/boot_id'),
    readText('/etc/os-release'),
  ]);
  return {
    hostname: os.hostname(),
    architecture: os.arch() === 'x64' ? 'amd64' : os.arch(),
    cpus: os.availableParallelism(),
    memory: os.totalmem(),
    kernelVersion: os.release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? 'Linux',
    machineID,
    bootID,
  };
}

async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}
