/** The program `conntrack`, in tests: an outside judge of what ours reads and deletes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NewFlow } from '../conntrack.ts';

/** Adds flows to the kernel's, in the network namespace of this process. */
export function addFlows(flows: readonly NewFlow[]): void {
  const directory = mkdtempSync(join(tmpdir(), 'postern-flows-'));
  try {
    const file = join(directory, 'flows');
    writeFileSync(file, flows.map((flow) => `${line(flow)}\n`).join(''));
    execFileSync('conntrack', ['-R', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function line({ protocol, original, reply, zone = 0 }: NewFlow): string {
  const ends = `-s ${original.saddr} -d ${original.daddr} -r ${reply.saddr} -q ${reply.daddr}`;
  const from = `--orig-port-src ${original.sport} --orig-port-dst ${original.dport}`;
  const back = `--reply-port-src ${reply.sport} --reply-port-dst ${reply.dport}`;
  const state = { tcp: '--state ESTABLISHED', sctp: '--state ESTABLISHED --orig-vtag 1 --reply-vtag 2', udp: '' }[
    protocol
  ];
  return `-I -p ${protocol} ${zone === 0 ? '' : `-w ${zone}`} ${ends} ${from} ${back} ${state} -t 600`;
}

/** The client's ports of the flows that there are, in order: the rest of a flow is told apart by them in tests. */
export function listPorts(): readonly number[] {
  const list = (family: string) => execFileSync('conntrack', ['-L', '-f', family], { encoding: 'utf8', stdio: 'pipe' });
  const text = list('ipv4') + list('ipv6');
  return [...text.matchAll(/ src=\S+ dst=\S+ sport=(\d+) .* src=/g)]
    .map(([, port]) => Number(port))
    .sort((a, b) => a - b);
}

/** Ends all flows. */
export function flushFlows(): void {
  execFileSync('conntrack', ['-F'], { stdio: 'ignore' });
}
