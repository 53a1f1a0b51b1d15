/** A probe that a command in the container answers. */
import { messageOf } from '../../lib/errors.ts';
import { type ContainerRuntime, CRIError } from '../cri/cri.ts';
import { failure, type Result, SUCCESS } from './result.ts';

/** Tries once. `timeout` in milliseconds; the runtime takes whole seconds. Never rejects. */
export async function tryExec(
  runtime: Pick<ContainerRuntime, 'execSync'>,
  containerID: string,
  command: readonly string[],
  timeout: number,
): Promise<Result> {
  const seconds = Math.max(1, Math.round(timeout / 1000));
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(containerID, command, seconds);
    return exitCode === 0 ? SUCCESS : failure(printOutput(stdout, stderr));
  } catch (error) {
    if (isTimeout(error)) return failure(`command timed out: "${command.join(' ')}" timed out after ${seconds}s`);
    return { kind: 'error', message: messageOf(error) };
  }
}

/** What a command printed, first to its standard output. */
export function printOutput(stdout: Uint8Array, stderr: Uint8Array): string {
  return Buffer.concat([stdout, stderr]).toString();
}

function isTimeout(error: unknown): boolean {
  return error instanceof CRIError && (error.code === 'deadline-exceeded' || /timeout .* exceeded/.test(error.message));
}
