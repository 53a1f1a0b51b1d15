/** Mends one finding, if everything is still as it was found, and records what was done. */
import { Service } from '../../../api/core/v1/service.ts';
import { IPAddress } from '../../../api/networking/v1/ipaddress.ts';
import { printTime } from '../../../api/time.ts';
import type { Compare, Operation } from '../../../store/store.ts';
import type { Api } from '../../context.ts';
import { recordEvent } from '../../events.ts';
import { kindPrefix } from '../../storage/keys.ts';
import { claimOperation, ownerOf } from '../claims.ts';
import type { Finding } from './findings.ts';
import { reportOf } from './report.ts';

const COMPONENT = 'ipallocator-repair-controller';

export async function repair(api: Api, finding: Finding): Promise<void> {
  if (!(await mend(api, finding))) return;
  const { reason, message } = reportOf(finding);
  api.log.warn({ reason, found: finding.kind }, message);
  const about = aboutOf(finding);
  if (about === undefined) return;
  await recordEvent(api, { component: COMPONENT, about, type: 'Warning', reason, message }).catch((err: unknown) => {
    // Its namespace may be going away; the rest is to be mended all the same.
    api.log.warn({ err, reason }, 'cannot record an event');
  });
}

/** False when something has changed since: the next look will tell. */
async function mend(api: Api, finding: Finding): Promise<boolean> {
  switch (finding.kind) {
    case 'has-other-owner':
    case 'out-of-range':
      return true;
    case 'not-claimed': {
      const { holder, claim, current } = finding;
      const operation = claimOperation(claim, ownerOf(holder.service), printTime(api.clock.now()));
      const unchanged = [
        { key: holder.key, modified: holder.modified },
        { key: claim.key, modified: current?.modified ?? 0 },
      ];
      return write(api, unchanged, operation);
    }
    case 'leaked': {
      const { key, modified } = finding.claimed;
      return write(api, [{ key, modified }], { kind: 'delete', key });
    }
  }
}

async function write(api: Api, unchanged: readonly Compare[], operation: Operation): Promise<boolean> {
  const result = await api.store.txn(unchanged, [operation]);
  if (result.ok) for (const admission of api.admissions) admission.settled?.({ written: [operation], stale: [] });
  return result.ok;
}

/** The object that an Event is about. A node port that leaked has none left. */
function aboutOf(finding: Finding): Service | IPAddress | undefined {
  if (finding.kind !== 'leaked') {
    return { ...finding.holder.service, apiVersion: Service.apiVersion, kind: Service.kind };
  }
  const prefix = kindPrefix(IPAddress);
  const { key } = finding.claimed;
  if (!key.startsWith(prefix)) return undefined;
  const metadata = { name: key.slice(prefix.length) };
  return { apiVersion: IPAddress.apiVersion, kind: IPAddress.kind, metadata };
}
