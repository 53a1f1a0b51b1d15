/** nftables through the program `nft`, where the library is missing: the same answers, slower. */
import { NftError, type NftRunner } from './nft.ts';
import { CommandError, type RunCommand } from './process.ts';

/** A full load of 10,000 Services takes seconds on a slow machine. */
const TIMEOUT = 60_000;

/** A runner that starts `nft` for every script, one at a time. */
export function nftProcess(runCommand: RunCommand): NftRunner {
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  const call = (script: string): Promise<string> => {
    if (closed) return Promise.reject(new NftError(script, 'the runner is closed'));
    const answer = last.then(() => exchange(runCommand, script));
    last = answer.catch(() => {}); // The caller has the error; the queue only needs the end.
    return answer;
  };
  return {
    run: async (script) => {
      await call(script);
    },
    list: call,
    close: async () => {
      closed = true;
      await last;
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
