/**
 * Which address a Service gets, out of a pool of a million: milliseconds to choose it and to take it, while nothing is taken,
 * when almost everything is, and when what is free lies scattered. As the controller does it, without the API around it.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AddressBook } from '../../src/controllers/loadbalancer/address-book.ts';
import { assign } from '../../src/controllers/loadbalancer/assign.ts';
import { poolTable } from '../../src/controllers/loadbalancer/pool-table.ts';
import { type AddressRequest, addressRequest } from '../../src/controllers/loadbalancer/request.ts';
import { pool, service } from '../../src/controllers/loadbalancer/testing.ts';
import { randomBelow, seededRandom } from '../../src/lib/random.ts';
import { type Measured, quantile, type Row } from '../harness.ts';

const POOL = '10.0.0.0/12';
const SIZE = 2 ** 20;
const SAMPLES = 1000;
const SEED = 1;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export function allocation(): Measured {
  const book = new AddressBook();
  book.usePools(poolTable([pool('million', [POOL])]));
  const requests = Array.from({ length: SAMPLES }, (_, i) => addressRequest(service(`sample-${i}`)));
  const empty = allocate(book, requests);
  for (let i = SAMPLES; i < SIZE - SAMPLES; i++) take(book, addressRequest(service(`filler-${i}`)));
  const last = requests.map((_, i) => addressRequest(service(`last-${i}`)));
  const nearlyFull = allocate(book, last);
  const full = assign({ book, request: addressRequest(service('none')), current: [], namespaceLabels: {} });
  if (full.kind !== 'refused') throw new Error(`there are more than ${SIZE} addresses`);
  const scattered = reallocate(book, requests);
  const samples = { 'nothing taken': empty, 'almost all taken': nearlyFull, 'free ones scattered': scattered };
  const rows = Object.entries(samples).map(
    ([what, times]): Row => ({ what: `an address of a million, ${what}`, unit: 'ms', samples: times }),
  );
  // Not the slowest: with a million entries, a Map that is laid out anew, once in a million changes, takes a moment.
  const p99 = Math.max(...Object.values(samples).map((times) => quantile(times, 0.99)));
  return { rows, figures: [{ name: 'l2-allocation-p99', value: p99, unit: 'ms', goal: 1 }] };
}

/** Milliseconds that each took. What the bench itself has thrown away to come here is collected before. */
function allocate(book: AddressBook, requests: readonly AddressRequest[]): readonly number[] {
  collectGarbage();
  return requests.map((request) => {
    const started = performance.now();
    take(book, request);
    return performance.now() - started;
  });
}

/** Frees addresses anywhere in the pool, and gives them to others. */
function reallocate(book: AddressBook, requests: readonly AddressRequest[]): readonly number[] {
  const random = seededRandom(SEED);
  for (const { tenant } of requests) book.set(tenant, []);
  const fillers = new Set<string>();
  while (fillers.size < SAMPLES) fillers.add(`filler-${SAMPLES + randomBelow(random, SIZE - 2 * SAMPLES)}`);
  for (const name of fillers) book.set(addressRequest(service(name)).tenant, []);
  return allocate(book, requests);
}

function take(book: AddressBook, request: AddressRequest): void {
  const found = assign({ book, request, current: book.of(request.tenant.key), namespaceLabels: {} });
  if (found.kind === 'refused') throw new Error(found.message);
  book.set(request.tenant, found.addresses);
}
