/** Network namespaces with somebody in them, for tests that run in namespaces of their own; they end with these. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../host/process.ts';

const SPEAKER = fileURLToPath(new URL('speaker.ts', import.meta.url));

export interface Question {
  readonly protocol: 'tcp' | 'udp';
  readonly host: string;
  readonly port: number;
  /** Of UDP: its own port. Default: any. */
  readonly from?: number;
  /** Of TCP: the name of a connection that is kept, and asked again by this name. */
  readonly keep?: string;
  /** Of TCP: bytes that are sent, and then asked for as well; the answer is how many came. */
  readonly bulk?: number;
}

/** Makes a network namespace that lasts as long as its file stays mounted, as a container runtime does for a sandbox. */
export async function makeNamespace(path: string): Promise<string> {
  writeFileSync(path, '');
  await runCommand(['unshare', `--net=${path}`, 'true']);
  return path;
}

/** Commands of ip(8), in a namespace or here. */
export async function ip(lines: readonly string[], namespace?: string): Promise<void> {
  const within = namespace === undefined ? [] : ['nsenter', `--net=${namespace}`, '--'];
  await runCommand([...within, 'ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** A LAN between the calling process's namespace, whose addresses end in 1, and a host, whose addresses end in 9. */
export interface TestLAN {
  /** Of both ends. */
  readonly device: string;
  /** Without the last number: `192.0.2.`, `2001:db8::`. */
  readonly prefix4: string;
  readonly prefix6: string;
}

export const LAN: TestLAN = { device: 'lan', prefix4: '192.0.2.', prefix6: '2001:db8::' };

/** Makes a LAN with a host that is outside of the cluster, and has no route to pods; returns the host's namespace. */
export async function makeLAN(dir: string, lan: TestLAN = LAN): Promise<string> {
  const { device, prefix4, prefix6 } = lan;
  const path = await makeNamespace(join(dir, `host-${device}`));
  const end = (host: number): string => `address ${lanMAC(host)} mtu 1450`;
  const pair = `link add ${device} ${end(1)} type veth peer name ${device} ${end(9)} netns ${path}`;
  await ip([pair, 'link set lo up', ...lanEnd(lan, 1, 9)]);
  await ip(['link set lo up', ...lanEnd(lan, 9, 1)], path);
  await ip([`route replace default via ${prefix4}9`, `route replace default via ${prefix6}9`]);
  return path;
}

const lanMAC = (host: number): string => `02:00:00:00:00:0${host}`;

/** Whose link has just come up may be silent for a second when it is looked for: the MACs are known. */
const lanEnd = ({ device, prefix4, prefix6 }: TestLAN, host: number, other: number): readonly string[] => [
  `addr add ${prefix4}${host}/24 dev ${device}`,
  `addr add ${prefix6}${host}/64 dev ${device} nodad`,
  `link set ${device} up`,
  ...[prefix4, prefix6].map((prefix) => `neigh add ${prefix}${other} lladdr ${lanMAC(other)} dev ${device}`),
];

/** A process that serves, and asks others. */
export class Speaker {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (answer: string) => void>();
  readonly #ready: Promise<string>;
  #questions = 0;

  private constructor(name: string, ports: readonly number[], namespace: string | undefined) {
    const argv = [process.execPath, SPEAKER, name, ...ports.map(String)];
    const [file = '', ...args] = namespace === undefined ? argv : ['nsenter', `--net=${namespace}`, '--', ...argv];
    this.#process = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ready = this.#answer(0);
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const { id, answer } = JSON.parse(line) as { readonly id: number; readonly answer: string };
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
  }

  /** Resolves when it serves. Without a namespace it is here. */
  static async start(name: string, ports: readonly number[], namespace?: string): Promise<Speaker> {
    const speaker = new Speaker(name, ports, namespace);
    await speaker.#ready;
    return speaker;
  }

  /** `NAME saw ADDRESS`, `refused` or `silence`. */
  ask(question: Question): Promise<string> {
    const id = ++this.#questions;
    const answer = this.#answer(id);
    this.#process.stdin?.write(`${JSON.stringify({ id, ...question })}\n`);
    return answer;
  }

  end(): void {
    this.#process.stdin?.end();
  }

  #answer(id: number): Promise<string> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }
}
