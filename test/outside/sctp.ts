/** A server and a client over SCTP, in namespaces: the proxy's agents of tests, which speak it over raw sockets. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Answer } from '../../src/proxy/testing/world/agent/command.ts';
import type { Greeting } from '../../src/proxy/testing/world/agent/server.ts';

const AGENT = fileURLToPath(new URL('../../src/proxy/testing/world/agent/agent.ts', import.meta.url));

/** Milliseconds for an answer to come. */
const PATIENCE = 2000;

export interface SCTPExchange {
  readonly server: { readonly namespace: string; readonly name: string; readonly port: number };
  /** Namespace of the client. */
  readonly from: string;
  readonly to: readonly { readonly host: string; readonly port: number }[];
}

/** What the client is answered, one by one: `NAME saw ADDRESS`, or the code of an error. */
export async function askOverSCTP({ server, from, to }: SCTPExchange): Promise<readonly string[]> {
  const serving = start(server.namespace, server.name, String(server.port));
  const asking = start(from, 'client');
  try {
    const [answers] = await Promise.all([linesOf(asking), linesOf(serving).then(firstOf)]);
    await firstOf(answers);
    const said: string[] = [];
    for (const [id, target] of to.entries()) {
      const question = { protocol: 'sctp', ...target, patience: PATIENCE };
      asking.stdin?.write(`${JSON.stringify({ id: id + 1, command: { kind: 'ask', question, times: 1 } })}\n`);
      said.push(textOf(await firstOf(answers)));
    }
    return said;
  } finally {
    for (const child of [serving, asking]) child.stdin?.end();
  }
}

function start(namespace: string, ...args: readonly string[]): ChildProcess {
  const argv = [`--net=${namespace}`, '--', process.execPath, AGENT, ...args];
  return spawn('nsenter', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function linesOf({ stdout }: ChildProcess): Promise<AsyncIterator<string>> {
  if (stdout === null) throw new Error('the agent has no output');
  return createInterface({ input: stdout })[Symbol.asyncIterator]();
}

async function firstOf(lines: AsyncIterator<string>): Promise<Answer> {
  const { value, done } = await lines.next();
  if (done === true) throw new Error('the agent has ended');
  return JSON.parse(value) as Answer;
}

function textOf(answer: Answer): string {
  if ('error' in answer) throw new Error(answer.error);
  const [said = ''] = answer.result as readonly string[];
  if (!said.startsWith('{')) return said;
  const { by, from } = JSON.parse(said) as Greeting;
  return `${by} saw ${from}`;
}
