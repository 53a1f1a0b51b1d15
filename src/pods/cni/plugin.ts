/**
 * The program that a container runtime starts for each sandbox. It asks the node's agent, and prints what that answers. It
 * starts twice as fast as plain JavaScript as with its types to be removed first, so `install.ts` writes this function's own
 * text, which Node.js has removed the types from by then, into a file: nothing outside of the function may be used in it.
 */

export interface PluginSettings {
  /** The agent's. */
  readonly socketPath: string;
  readonly versions: readonly string[];
  /** The code of "try again later". */
  readonly later: number;
}

/** The whole program: it reads what it is asked from its environment and standard input, and answers on standard output. */
export function plugin(settings: PluginSettings): void {
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const { connect } = process.getBuiltinModule('node:net');
  // Milliseconds. A runtime waits for minutes, and would not say for what.
  const LIMIT = 60_000;
  // Characters.
  const LONGEST = 1 << 20;
  const config = readFileSync(0, 'utf8');

  function end(ok: boolean, output?: object): void {
    if (output !== undefined) process.stdout.write(`${JSON.stringify(output)}\n`);
    process.exitCode = ok ? 0 : 1;
  }
  function fail(details: string): void {
    const cniVersion = /"cniVersion"\s*:\s*"([\d.]+)"/.exec(config)?.[1] ?? '1.0.0';
    const msg = `the postern agent of this node does not answer at ${settings.socketPath}`;
    end(false, { cniVersion, code: settings.later, msg, details });
  }

  if (process.env['CNI_COMMAND'] === 'VERSION') {
    end(true, { cniVersion: '1.0.0', supportedVersions: settings.versions });
    return;
  }
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('CNI_')));
  const socket = connect(settings.socketPath);
  let answer = '';
  socket.setEncoding('utf8').setTimeout(LIMIT, () => socket.destroy(new Error(`no answer in ${LIMIT} ms`)));
  socket.on('error', (error: Error) => fail(error.message));
  socket.on('data', (text: string) => {
    answer += text;
    if (answer.length > LONGEST) socket.destroy(new Error('the answer is too long'));
  });
  socket.on('end', () => {
    try {
      const { ok, output } = JSON.parse(answer) as { readonly ok: boolean; readonly output?: object };
      end(ok, output);
    } catch {
      // An agent that ends in the middle of it, or says nothing.
      fail('it closed the connection');
    }
  });
  socket.end(JSON.stringify({ env, config }));
}
