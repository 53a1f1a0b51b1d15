/** Every feature that is shown, in the order in which they are shown. */

import { affinity } from './affinity.feature.ts';
import { balance } from './balance.feature.ts';
import { choices } from './choices.feature.ts';
import { closeness } from './closeness.feature.ts';
import { endpoints } from './endpoints.feature.ts';
import { entrances } from './entrances.feature.ts';
import type { Feature } from './feature.ts';
import { flows } from './flows.feature.ts';
import { health } from './health.feature.ts';
import { model } from './model.feature.ts';
import { policies } from './policies.feature.ts';
import { protocols } from './protocols.feature.ts';
import { strays } from './strays.feature.ts';

export const FEATURES: readonly Feature[] = [
  ...entrances,
  // Early, as one of these waits longest: the others are shown meanwhile.
  ...affinity,
  ...protocols,
  ...policies,
  ...endpoints,
  ...flows,
  ...strays,
  ...closeness,
  ...health,
  ...model,
  // Last, as it leaves the kernel with tens of thousands of flows.
  ...balance,
  ...choices,
];
