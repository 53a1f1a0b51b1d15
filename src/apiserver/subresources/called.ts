/** What calls have in common: something is sent that is not kept, judged as any object, and answered. */
import type { AnyKind } from '../../api/kinds.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { invalid } from '../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { ResourceRequest } from '../context.ts';
import { Stored } from '../storage/codec.ts';
import { decodeBody } from '../verbs/decode.ts';

/** What was sent to a call, of the kind that it takes. Throws an ApiError: 400 when it cannot be read, 422 for what is wrong with it. */
export function received<T extends KubeObject>(request: ResourceRequest, kind: AnyKind): T {
  const { object, causes } = decodeBody({ ...request, kind });
  const given = kind.defaults(object);
  const mistakes = [...causes, ...kind.validate(given, undefined)];
  if (mistakes.length > 0) throw invalid(kind, given.metadata.name ?? '', mistakes);
  return given as T;
}

/** The answer to a call: an object that is in no store. */
export function answered(kind: AnyKind, object: KubeObject): Answer {
  return { kind: 'object', code: 201, of: kind, stored: new Stored('', 0, object) };
}
