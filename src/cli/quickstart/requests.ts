/** Many requests of the walkthrough's outside client, and who answered them. */
import { type Cluster, GUESTS } from './cluster.ts';
import { url } from './look.ts';

export interface Tally {
  readonly answers: ReadonlyMap<string, number>;
  readonly failed: number;
}

/** New connections from the outside client, one after the other, in turn to each address; the answers are counted. */
export async function requests(cluster: Cluster, addresses: readonly string[], count: number): Promise<Tally> {
  const urls = addresses.map((address) => url(address));
  const turns = Array.from({ length: count }, (_, i) => urls[i % urls.length] ?? '');
  const fetchEach = 'for url in "$@"; do curl -sS -m 5 "$url" || echo FAILED; done | sort | uniq -c';
  const { output } = await cluster.at('client', ['sh', '-c', fetchEach, 'sh', ...turns], {
    shown: `./postern lab exec --dir DIR client -- curl -sS URL # ${count} times, in turn ${urls.join(' and ')}, counted`,
  });
  const answers = new Map<string, number>();
  for (const [, times, answer = ''] of output.matchAll(/^ *(\d+) (.*)$/gm)) {
    if ((GUESTS as readonly string[]).includes(answer)) answers.set(answer, Number(times));
  }
  return { answers, failed: count - [...answers.values()].reduce((a, b) => a + b, 0) };
}

/** A tally in words. */
export function describe({ answers, failed }: Tally): string {
  return `${[...answers].map(([name, count]) => `${name} ${count}`).join(', ')}, failed ${failed}`;
}
