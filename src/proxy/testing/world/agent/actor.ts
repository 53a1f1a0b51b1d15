/** Carries out commands in the network namespace of its process. */
import type { Command } from './command.ts';
import { Connections } from './connections.ts';
import { ask, fetchHTTP, type Question } from './questions.ts';
import { sendStray, watchStrays } from './stray.ts';

/** How many questions of a count are under way at once: few enough that no queue on the way overflows. */
const AT_ONCE = 64;

export class Actor {
  readonly #connections = new Connections();
  readonly #strays = new Map<string, number>();

  async carryOut(command: Command): Promise<unknown> {
    switch (command.kind) {
      case 'ask':
        return await Promise.all(Array.from({ length: command.times }, () => ask(command.question)));
      case 'count':
        return await count(command.question, command.times);
      case 'open':
        return await this.#connections.open(command.connection, command.host, command.port);
      case 'say':
        return await this.#connections.say(command.connection);
      case 'close':
        return this.#connections.close(command.connection);
      case 'fetch':
        return await fetchHTTP(command.url);
      case 'send-stray':
        return sendStray(command.stray);
      case 'watch-strays':
        return this.#watch(command.family, command.port);
      case 'count-strays':
        return this.#strays.get(`${command.family} ${command.port}`) ?? 0;
    }
  }

  #watch(family: 'IPv4' | 'IPv6', port: number): void {
    const key = `${family} ${port}`;
    this.#strays.set(key, 0);
    watchStrays(family, port, () => {
      this.#strays.set(key, (this.#strays.get(key) ?? 0) + 1);
    });
  }
}

async function count(question: Question, times: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let left = times;
  const worker = async () => {
    while (left-- > 0) {
      const answer = await ask(question);
      counts[answer] = (counts[answer] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return counts;
}
