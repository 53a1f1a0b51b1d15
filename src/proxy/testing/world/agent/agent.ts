// A process in a namespace that a fixture drives: serves its name on some ports, and connects where it is told to.
// `NAME PORT...` are its arguments; one command a line comes in as JSON, one answer a line goes out, in any order.
import { createInterface } from 'node:readline';
import { Actor } from './actor.ts';
import type { Answer, Command } from './command.ts';
import { serve } from './server.ts';

const [name = '', ...ports] = process.argv.slice(2);
const actor = new Actor();
const say = (answer: Answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

await Promise.all(ports.map((port) => serve(name, Number(port))));
say({ id: 0, result: 'ready' });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, command } = JSON.parse(line) as { id: number; command: Command };
  actor.carryOut(command).then(
    (result) => say({ id, result }),
    (error) => say({ id, error: String(error) }),
  );
}
process.exit(0);
