/** POST to a collection. */
import { randomUUID } from 'node:crypto';
import { alreadyExists, failure, isAlreadyExists, qualified } from '../../api/status.ts';
import { printTime } from '../../api/time.ts';
import { admitAll, type Write } from '../admission.ts';
import type { Answer } from '../answer.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { change, targetOf } from '../storage/change.ts';
import { type Birth, completeNew } from './complete.ts';
import { type Decoded, decodeBody } from './decode.ts';
import { isDryRun } from './options.ts';

/** No vowels, so no words; no digits that look like letters. As Kubernetes' names. */
const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
const BASE_MAX = 63 - SUFFIX_LENGTH;
const NAME_ATTEMPTS = 8;

export async function create(api: Api, request: ResourceRequest): Promise<Answer> {
  return createObject(api, request, decodeBody(request));
}

/** Creates a decoded object, under a name of its own or one made from generateName. */
async function createObject(api: Api, request: ResourceRequest, decoded: Decoded): Promise<Answer> {
  const { name = '', generateName = '' } = decoded.object.metadata;
  // Without a name or a beginning of one it is refused, with whatever else is wrong.
  if (name !== '' || generateName === '') return createNamed(api, request, decoded, name);
  for (let attempt = 1; ; attempt++) {
    const made = generateName.slice(0, BASE_MAX) + randomSuffix(api.random);
    try {
      return await createNamed(api, request, decoded, made);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      if (attempt === NAME_ATTEMPTS) throw exhausted(request, generateName);
    }
  }
}

async function createNamed(api: Api, request: ResourceRequest, decoded: Decoded, name: string): Promise<Answer> {
  const { kind, user, subresource } = request;
  const { object, causes } = decoded;
  // Judged before it is looked whether the name is taken, so that the mistakes are told either way.
  const named = { ...object, metadata: { ...object.metadata, name } };
  const complete = completeNew(kind, named, birthOf(api), causes);
  const target = targetOf(request, { kind, name, dryRun: isDryRun(request), isNew: true });
  const outcome = await change(api, target, async (current) => {
    if (current !== undefined) return takenName(api, { kind, old: undefined, next: complete, by: user, subresource });
    return { act: 'put', object: complete };
  });
  return { kind: 'object', code: 201, of: kind, stored: outcome.stored };
}

/** Whether the name is taken is asked last: what else keeps the object from being made is told before it. */
async function takenName({ admissions }: Api, write: Write): Promise<never> {
  await admitAll(admissions, write);
  throw alreadyExists(write.kind, write.next?.metadata.name ?? '');
}

/** What a new object gets from the server. */
export function birthOf({ clock }: Pick<Api, 'clock'>): Birth {
  return { uid: randomUUID(), time: printTime(clock.now()) };
}

/** Five characters for the end of a name. `random` is in [0, 1), as Math.random. */
export function randomSuffix(random: () => number): string {
  return Array.from({ length: SUFFIX_LENGTH }, () => SUFFIX_LETTERS[Math.floor(random() * SUFFIX_LETTERS.length)]).join(
    '',
  );
}

function exhausted({ kind }: ResourceRequest, generateName: string) {
  const text = `${qualified(kind)} "${generateName}" already exists, the server was not able to generate a unique name for the object`;
  return failure(409, 'AlreadyExists', text, { name: generateName, kind: kind.plural, retryAfterSeconds: 1 });
}
