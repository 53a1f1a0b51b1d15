/** Problems, made and told from results. */
import type { Problem } from '../parts.ts';

/** A problem, with the kubelet's reason and message. */
export function problem(reason: string, message: string): Problem {
  return { kind: 'problem', reason, message };
}

/** A container cannot be made as its pod and what that names are now. */
export function configProblem(message: string): Problem {
  return problem('CreateContainerConfigError', message);
}

/** Whether something is a problem and not what was wanted. */
export function isProblem(result: unknown): result is Problem {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'problem';
}
