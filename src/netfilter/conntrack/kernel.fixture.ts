// The contract against the kernel. Runs alone in a network namespace: see kernel.test.ts.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelConntrack } from './kernel.ts';
import { conntrackContract, type NewFlow } from './testing.ts';

/** What the program `conntrack` takes for a flow: an outside judge of what ours reads and deletes. */
function line({ protocol, original, reply }: NewFlow): string {
  const ends = `-s ${original.saddr} -d ${original.daddr} -r ${reply.saddr} -q ${reply.daddr}`;
  const ports = `--orig-port-src ${original.sport} --orig-port-dst ${original.dport} --reply-port-src ${reply.sport} --reply-port-dst ${reply.dport}`;
  const state = protocol === 'tcp' ? '--state ESTABLISHED' : '';
  return `-I -p ${protocol} ${ends} ${ports} ${state} -t 600`;
}

function add(flows: readonly NewFlow[]): void {
  const directory = mkdtempSync(join(tmpdir(), 'postern-flows-'));
  try {
    const file = join(directory, 'flows');
    writeFileSync(file, flows.map((flow) => `${line(flow)}\n`).join(''));
    execFileSync('conntrack', ['-R', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

conntrackContract('kernel', () => {
  execFileSync('conntrack', ['-F'], { stdio: 'ignore' });
  return { conntrack: kernelConntrack, add };
});
