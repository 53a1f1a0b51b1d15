/** Every feature that is shown, in the order in which they are shown. */

import { affinity } from './affinity.ts';
import { balance } from './balance.ts';
import { choices } from './choices.ts';
import { closeness } from './closeness.ts';
import { endpoints } from './endpoints.ts';
import { entrances } from './entrances.ts';
import type { Feature } from './feature.ts';
import { flows } from './flows.ts';
import { health } from './health.ts';
import { model } from './model.ts';
import { policies } from './policies.ts';
import { protocols } from './protocols.ts';
import { strays } from './strays.ts';

export const FEATURES: readonly Feature[] = [
  ...entrances,
  ...protocols,
  ...policies,
  ...endpoints,
  ...affinity,
  ...closeness,
  ...flows,
  ...strays,
  ...balance,
  ...health,
  ...model,
  ...choices,
];
