// Feeds every golden to nft and the kernel. Runs alone in a network namespace: see golden.test.ts.
import { readFileSync } from 'node:fs';
import { runCommand } from '../../host/process.ts';
import { baseScript, caseNames, expectedFile } from './cases.ts';

await runCommand(['nft', '--file', '-'], { input: baseScript() });
for (const name of caseNames) {
  await runCommand(['nft', '--check', '--file', '-'], { input: readFileSync(expectedFile(name), 'utf8') });
}
