/**
 * A resource.Quantity in the one form that Kubernetes writes: `0.5` is `500m`, `1024Mi` is `1Gi`, `1000m` is `1`. Exact: nothing
 * passes through a floating-point number. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */

/** Powers of a thousand from a billionth on, which is the least that a quantity tells apart. */
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const NANO = 9;
const WHOLE = 1_000_000_000n;
/** Longer texts, and greater exponents, are left as they are: validation has its say about them. */
const LENGTH_MAX = 64;
const EXPONENT_MAX = 18;

type Form = 'decimal' | 'binary' | 'exponent';

/** The canonical text; what is not a quantity comes back as it is. */
export function canonicalQuantity(quantity: string | number): string | number {
  const text = String(quantity);
  const read = text.length > LENGTH_MAX ? undefined : readQuantity(text);
  return read === undefined ? quantity : print(read.nanos, read.form);
}

function readQuantity(text: string): { readonly nanos: bigint; readonly form: Form } | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3})|([A-Za-z]*))$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = match;
  const digits = whole + fraction;
  if (digits === '') return undefined;
  const power = exponent === undefined ? decimalPower(suffix) : Number(exponent);
  const binary = exponent === undefined && suffix !== '' ? BINARY.indexOf(suffix) : -1;
  if (power === undefined && binary < 0) return undefined;
  if (Math.abs(power ?? 0) > EXPONENT_MAX) return undefined;
  const scale = (power ?? 0) + NANO - fraction.length;
  const scaled = BigInt(digits) * (binary > 0 ? 1024n ** BigInt(binary) : 1n);
  const nanos = scale >= 0 ? scaled * 10n ** BigInt(scale) : up(scaled, 10n ** BigInt(-scale));
  const form = exponent !== undefined ? 'exponent' : binary > 0 ? 'binary' : 'decimal';
  return { nanos: sign === '-' ? -nanos : nanos, form };
}

function decimalPower(suffix: string): number | undefined {
  const at = DECIMAL.indexOf(suffix);
  return at < 0 ? undefined : at * 3 - NANO;
}

/** What is less than a billionth counts as one. */
function up(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

function print(nanos: bigint, form: Form): string {
  const amount = nanos < 0n ? -nanos : nanos;
  if (form === 'binary' && amount >= 1024n * WHOLE && amount % WHOLE === 0n) {
    const { value, step } = shortest(nanos / WHOLE, 1024n, BINARY.length - 1);
    return `${value}${BINARY[step]}`;
  }
  const { value, step } = shortest(nanos, 1000n, DECIMAL.length - 1);
  if (nanos === 0n) return '0';
  const power = step * 3 - NANO;
  if (form === 'exponent') return power === 0 ? `${value}` : `${value}e${power}`;
  return `${value}${DECIMAL[step]}`;
}

/** Divided by `base` as often as nothing is lost. */
function shortest(value: bigint, base: bigint, most: number): { readonly value: bigint; readonly step: number } {
  let [rest, step] = [value, 0];
  while (step < most && rest !== 0n && rest % base === 0n) [rest, step] = [rest / base, step + 1];
  return { value: rest, step };
}
