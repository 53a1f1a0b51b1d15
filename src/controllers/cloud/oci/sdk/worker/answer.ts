/** Answers as the SDK's types say they are: it gives times as the texts that were sent. */

/** How the API names them: timeCreated, timeAccepted, timeUpdated, timestamp. */
const NAME_OF_A_TIME = /^time(?:[A-Z]|stamp$)/;

export function sdkAnswer(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sdkAnswer);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, NAME_OF_A_TIME.test(name) ? timeOf(field) : sdkAnswer(field)]),
  );
}

function timeOf(field: unknown): unknown {
  if (typeof field !== 'string') return field;
  const time = new Date(field);
  return Number.isNaN(time.getTime()) ? field : time;
}
