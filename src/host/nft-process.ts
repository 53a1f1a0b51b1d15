/** nftables through the program `nft`, where the library is missing: the same answers, slower. */
import { NftError, type NftRunner } from './nft.ts';
import { NftSocket } from './nft-batch.ts';
import { CommandError, type RunCommand } from './process.ts';

/** A full load of 10,000 Services takes seconds on a slow machine. */
const TIMEOUT = 60_000;

/** A runner that starts `nft` for every script, one at a time. */
export function nftProcess(runCommand: RunCommand): NftRunner {
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  const socket = new NftSocket();
  const inTurn = <T>(script: string, work: () => Promise<T>): Promise<T> => {
    if (closed) return Promise.reject(new NftError(script, 'the runner is closed'));
    const answer = last.then(work);
    last = answer.catch(() => {}); // The caller has the error; the queue only needs the end.
    return answer;
  };
  const call = (script: string): Promise<string> => inTurn(script, () => exchange(runCommand, script));
  return {
    run: async (script) => {
      await call(script);
    },
    list: call,
    send: (messages) => inTurn('', () => socket.send(messages)),
    close: async () => {
      closed = true;
      await last;
      socket.close();
    },
  };
}

async function exchange(runCommand: RunCommand, script: string): Promise<string> {
  try {
    const { stdout } = await runCommand(['nft', '--terse', '--file', '-'], { input: script, timeout: TIMEOUT });
    return stdout;
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    throw new NftError(script, cause.stderr === '' ? cause.message : cause.stderr, { cause });
  }
}
