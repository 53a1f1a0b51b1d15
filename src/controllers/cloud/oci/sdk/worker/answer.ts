/**
 * Answers as the SDK's types say they are: it gives times as the texts that were sent, and null for what is not there, as the
 * services write it.
 */

/** How the API names them: timeCreated, timeAccepted, timeUpdated, timestamp. */
const NAME_OF_A_TIME = /^time(?:[A-Z]|stamp$)/;
/** What is in these is named by others. */
const TAGS: readonly string[] = ['freeformTags', 'definedTags', 'systemTags'];

export function sdkAnswer(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sdkAnswer);
  if (typeof value !== 'object' || value === null) return value;
  const present = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(present.map(([name, field]) => [name, fieldOf(name, field)]));
}

function fieldOf(name: string, field: unknown): unknown {
  if (TAGS.includes(name)) return field;
  if (typeof field !== 'string' || !NAME_OF_A_TIME.test(name)) return sdkAnswer(field);
  const time = new Date(field);
  return Number.isNaN(time.getTime()) ? field : time;
}
