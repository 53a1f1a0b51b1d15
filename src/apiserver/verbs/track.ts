/** Remembers who changed which fields, for those who apply later. */
import { trackUpdate } from '../../api/patch/managed-fields.ts';
import { printTime } from '../../api/time.ts';
import type { Api, ResourceRequest } from '../context.ts';
import type { Decision } from '../storage/change.ts';
import type { Stored } from '../storage/codec.ts';
import { fieldManager } from './options.ts';

/** A decision about `current` with the fields that it changes noted as those of who asks for it. */
export function tracked(api: Api, request: ResourceRequest, current: Stored, decision: Decision): Decision {
  if (decision.act !== 'put') return decision;
  const { kind, subresource } = request;
  const by = {
    manager: fieldManager(request),
    time: printTime(api.clock.now()),
    ...(subresource === undefined ? {} : { subresource }),
  };
  return { act: 'put', object: trackUpdate(kind, current.object, decision.object, by) };
}
