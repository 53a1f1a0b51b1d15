/** Notices that somebody has written a claim, or deleted a Service range, other than by way of a Service. */
import { Service } from '../../../api/core/v1/service.ts';
import { IPAddress } from '../../../api/networking/v1/ipaddress.ts';
import { ServiceCIDR } from '../../../api/networking/v1/servicecidr.ts';
import type { Admission, Admitted, Settlement, Write } from '../../admission.ts';
import { kindPrefix } from '../../storage/keys.ts';

const SERVICES = kindPrefix(Service);
const ADDRESSES = kindPrefix(IPAddress);
const RANGES = kindPrefix(ServiceCIDR);

export class Touched implements Admission {
  #waiting: (() => void)[] = [];

  /** Lets every write pass. */
  admit({ next }: Write): Promise<Admitted> {
    return Promise.resolve({ next, compares: [], operations: [] });
  }

  settled({ written }: Settlement): void {
    if (written.some(({ key }) => key.startsWith(SERVICES))) return;
    const isTouched = written.some(
      ({ kind, key }) => key.startsWith(ADDRESSES) || (kind === 'delete' && key.startsWith(RANGES)),
    );
    if (isTouched) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves at the next such write. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
