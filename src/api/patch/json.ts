/** JSON patch. https://www.rfc-editor.org/rfc/rfc6902 */
import { applyPatch, type Operation } from 'rfc6902';
import { type ApiError, badRequest, failure } from '../status.ts';
import { isMapping, isTooDeep, MAX_DEPTH } from '../value.ts';

/** As many operations as Kubernetes accepts in one patch. */
const MAX_OPERATIONS = 10_000;
/** `copy` can double a document with each operation; results larger than a request may be are refused. Characters. */
const MAX_RESULT = 3 * 1024 * 1024;
const OPS = ['add', 'remove', 'replace', 'move', 'copy', 'test'];

/**
 * The patched value; `target` is not changed. Throws an ApiError: BadRequest for a patch that is none, Invalid (422) when
 * an operation cannot be carried out or a test fails.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  const operations = checkOperations(patch);
  const result = structuredClone(target);
  let copied = 0;
  for (const [i, operation] of operations.entries()) {
    const [problem] = applyPatch(result, [operation]);
    if (problem) throw refused(i, operation, problem.message);
    if (operation.op !== 'copy') continue;
    copied += JSON.stringify(result).length;
    if (copied > 10 * MAX_RESULT) throw badRequest('the patch copies too much');
  }
  if (JSON.stringify(result).length > MAX_RESULT)
    throw badRequest(`the patched object exceeds ${MAX_RESULT} characters`);
  return result;
}

function checkOperations(patch: unknown): readonly Operation[] {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch is a list of operations: [{"op": …, "path": …}]');
  if (patch.length > MAX_OPERATIONS) {
    throw failure(
      413,
      'RequestEntityTooLarge',
      `the patch has ${patch.length} operations, at most ${MAX_OPERATIONS} are allowed`,
    );
  }
  if (isTooDeep(patch)) throw badRequest(`the patch is nested more than ${MAX_DEPTH} levels deep`);
  return patch.map(checkOperation);
}

function checkOperation(operation: unknown, i: number): Operation {
  const at = `operation ${i} of the JSON patch`;
  if (!isMapping(operation)) throw badRequest(`${at} is not an object`);
  const { op, path, from } = operation;
  if (typeof op !== 'string' || !OPS.includes(op)) {
    throw badRequest(`${at}: op is ${JSON.stringify(op)}; allowed are ${OPS.join(', ')}`);
  }
  checkPointer(path, `${at}: path`);
  if (op === 'move' || op === 'copy') checkPointer(from, `${at}: from`);
  if ((op === 'add' || op === 'replace' || op === 'test') && !Object.hasOwn(operation, 'value')) {
    throw badRequest(`${at}: ${op} needs a value`);
  }
  if (path === '' && op !== 'test') throw badRequest(`${at}: the whole object cannot be the path of ${op}`);
  return operation as unknown as Operation;
}

function checkPointer(pointer: unknown, at: string): void {
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/'))) {
    throw badRequest(`${at} must be a JSON pointer such as "/spec/type"`);
  }
  if (pointer.split('/').some((part) => part === '__proto__' || part === 'constructor' || part === 'prototype')) {
    throw badRequest(`${at} names ${JSON.stringify(pointer)}, which no object has`);
  }
}

function refused(i: number, operation: Operation, why: string): ApiError {
  const { op, path } = operation;
  const reason = op === 'test' ? 'testing value failed' : why;
  return failure(
    422,
    'Invalid',
    `the server rejected our request: operation ${i} of the patch, ${op} ${path}: ${reason}`,
  );
}
