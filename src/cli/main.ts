/** The program: what was typed is read, and run. */
import { CommanderError } from 'commander';
import { withConfigFile } from './config/argv.ts';
import { explainError } from './errors.ts';
import { program } from './program.ts';

async function main(argv: readonly string[]): Promise<number> {
  try {
    const postern = program();
    await postern.parseAsync(await withConfigFile(postern, argv));
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`postern: ${explainError(error)}\n`);
    return 1;
  }
}

// Whoever reads what we print, such as `head`, may have read enough.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await main(process.argv);
