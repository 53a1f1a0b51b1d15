/** A thread that reads one YAML text, so that the server goes on meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { parseYAMLText, type YAMLText } from './yaml.ts';

/** What the thread says, once. */
export type YAMLOutcome =
  | ({ readonly kind: 'read' } & YAMLText)
  | { readonly kind: 'mistake'; readonly message: string };

parentPort?.postMessage(outcomeOf(String(workerData)));

function outcomeOf(text: string): YAMLOutcome {
  try {
    return { kind: 'read', ...parseYAMLText(text) };
  } catch (error) {
    return { kind: 'mistake', message: error instanceof Error ? error.message : String(error) };
  }
}
