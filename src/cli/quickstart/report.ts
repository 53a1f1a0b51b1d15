/** What the walkthrough prints: each step as it happens, and the table of checks at the end. */
import { printDuration } from '../../lib/duration.ts';
import { textTable } from '../output.ts';
import type { CheckRecord, CommandRecord, Listener, StepRecord } from './walk.ts';

/** Lines of a command's output that are shown; the rest is counted. */
const SHOWN_LINES = 24;

interface Out {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export function textListener(out: Out): Listener {
  const paint = (code: number, text: string) => (out.isTTY ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    stepBegins(number, title) {
      out.write(`\n${paint(1, `${number}. ${title}`)}\n`);
    },
    said(text) {
      out.write(`   ${text}\n`);
    },
    ran({ command, output, code }: CommandRecord) {
      out.write(`   ${paint(36, `$ ${command}`)}\n`);
      const lines = output.trimEnd() === '' ? [] : output.trimEnd().split('\n');
      for (const line of lines.slice(0, SHOWN_LINES)) out.write(`     ${line}\n`);
      if (lines.length > SHOWN_LINES) out.write(`     … and ${lines.length - SHOWN_LINES} more lines\n`);
      if (code !== 0) out.write(`     ${paint(31, `exit status ${code}`)}\n`);
    },
    checked({ what, ok, found }: CheckRecord) {
      out.write(`   ${ok ? paint(32, 'ok') : paint(31, 'NOT OK')}  ${what}${ok || found === '' ? '' : `: ${found}`}\n`);
    },
    waiting(what, milliseconds, why) {
      out.write(`   … waiting for ${what} (${printDuration(milliseconds)})${why === '' ? '' : `: ${why}`}\n`);
    },
  };
}

/** For `--json`: nothing until the end. */
export const quietListener: Listener = {
  stepBegins() {},
  said() {},
  ran() {},
  checked() {},
  waiting() {},
};

/** The table that ends a walkthrough: a row for each check. */
export function checkTable(steps: readonly StepRecord[]): string {
  const rows = steps.flatMap((step) =>
    step.checks.map((check) => [
      String(step.number),
      check.what,
      check.ok ? 'ok' : 'NOT OK',
      check.ok ? '' : (check.found.split('\n')[0] ?? ''),
    ]),
  );
  return textTable(['STEP', 'CHECK', 'RESULT', 'FOUND'], rows);
}
