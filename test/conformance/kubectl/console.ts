/**
 * A console, as a file: `# ` begins a test and is its name, `$ ` a command, and what follows is what it prints, on either
 * output. Words stand one blank apart however far apart they are printed, and words in angle brackets stand for what
 * differs from run to run; `<text>` stands for whatever is left.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Step {
  readonly command: string;
  readonly prints: string;
}

export interface Scene {
  readonly name: string;
  readonly steps: readonly Step[];
}

export function readConsole(path: URL): readonly Scene[] {
  const scenes = readFileSync(path, 'utf8').split(/^# /m).slice(1);
  return scenes.map((scene) => {
    const [name = '', ...steps] = scene.split(/\n(?=\$ )/);
    return { name: name.trim(), steps: steps.map(readStep) };
  });
}

function readStep(text: string): Step {
  const [command = '', ...prints] = text.slice(2).split('\n');
  return { command, prints: prints.join('\n') };
}

/** Where commands are typed: what one prints is both outputs as a terminal would show them; it may fail. */
export function terminal(kubeconfig: string, dir: string): (command: string) => Promise<string> {
  const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: dir };
  return (command) =>
    new Promise((resolve) => {
      execFile('bash', ['-c', `exec 2>&1; ${command}`], { env, cwd: dir }, (_, stdout) => resolve(stdout));
    });
}

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  '<ip>': '[0-9a-f.:]+',
  '<port>': '3[0-2]\\d{3}',
  '<age>': '\\d+[smh]\\S*',
  '<suffix>': '[a-z0-9]{5}',
  '<hash>': '[bcdf456789]{1,10}',
  '<text>': '[\\s\\S]+',
};

/** Whether a command printed what was expected. */
export function matches(printed: string, expected: string): boolean {
  const literal = normal(expected).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = literal.replace(/<\w+>/g, (word) => PLACEHOLDERS[word] ?? word);
  return new RegExp(`^${pattern}$`).test(normal(printed));
}

function normal(text: string): string {
  const lines = text.split('\n').map((line) => {
    // kubectl 1.33 and newer say which namespace something was deleted from.
    return line
      .trim()
      .replace(/\s+/g, ' ')
      .replace(/( deleted) from \S+ namespace$/, '$1');
  });
  return lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
