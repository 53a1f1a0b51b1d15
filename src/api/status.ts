/**
 * Errors as the API tells them: a `Status` object with a machine-readable reason and one cause per field.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind
 */

/** One mistake: where, what kind, and what to do about it. */
export interface Cause {
  /** Path of the field: `spec.ports[0].nodePort`. */
  readonly field: string;
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueNotSupported'
    | 'FieldValueNotFound'
    | 'FieldValueTypeInvalid'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany';
  readonly message: string;
}

export interface Status {
  readonly apiVersion: 'v1';
  readonly kind: 'Status';
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly causes?: readonly { readonly field?: string; readonly reason?: string; readonly message?: string }[];
    readonly retryAfterSeconds?: number;
  };
  readonly code: number;
}

/** An answer of the API that is not success. Thrown by the client, and inside the server on the way to the answer. */
export class ApiError extends Error {
  readonly status: Status;

  constructor(status: Status, options?: { cause?: unknown }) {
    super(status.message ?? status.reason ?? `status ${status.code}`, options);
    this.name = 'ApiError';
    this.status = status;
  }

  get code(): number {
    return this.status.code;
  }

  get reason(): string {
    return this.status.reason ?? '';
  }
}

/** What an error is about: enough of a kind to name it. */
export interface Subject {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
}

export function failure(code: number, reason: string, message: string, details?: Status['details']): ApiError {
  return new ApiError({
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  });
}

/** `services`, or `virtualmachines.kubevirt.io`: how messages name a resource. */
export function qualified(subject: Subject): string {
  return subject.group === '' ? subject.plural : `${subject.plural}.${subject.group}`;
}

export function notFound(subject: Subject, name: string): ApiError {
  return failure(404, 'NotFound', `${qualified(subject)} "${name}" not found`, about(subject, name));
}

export function alreadyExists(subject: Subject, name: string): ApiError {
  return failure(409, 'AlreadyExists', `${qualified(subject)} "${name}" already exists`, about(subject, name));
}

export function conflict(subject: Subject, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(subject)} "${name}": ${why}`;
  return failure(409, 'Conflict', message, about(subject, name));
}

/** As many causes as an answer tells: an object of three megabytes could have a hundred thousand. */
const CAUSES_MAX = 256;

/** The object is well formed and means something that is not allowed: 422 with every cause, but for those past any use. */
export function invalid(subject: Subject, name: string, found: readonly Cause[]): ApiError {
  const causes = found.slice(0, CAUSES_MAX);
  const more = found.length > CAUSES_MAX ? [`and ${found.length - CAUSES_MAX} more`] : [];
  const texts = [...causes.map((cause) => `${cause.field}: ${cause.message}`), ...more];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const kind = subject.group === '' ? subject.kind : `${subject.kind}.${subject.group}`;
  return failure(422, 'Invalid', `${kind} "${name}" is invalid: ${list}`, {
    ...(name === '' ? {} : { name }),
    ...(subject.group === '' ? {} : { group: subject.group }),
    kind: subject.kind,
    causes: causes.map(({ field, reason, message }) => ({ reason, message, field })),
  });
}

/** The request cannot be understood: 400. */
export function badRequest(message: string, causes: readonly Cause[] = []): ApiError {
  const details = causes.length === 0 ? undefined : { causes };
  return failure(400, 'BadRequest', message, details);
}

/** The request is well formed, and the server cannot do what it asks for: 500. */
export function internalError(why: string): ApiError {
  return failure(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] });
}

/** The asked-for revision is no longer kept: 410; the client lists again. */
export function expired(message: string): ApiError {
  return failure(410, 'Expired', message);
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.code === 404;
export const isAlreadyExists = (error: unknown): boolean =>
  error instanceof ApiError && error.reason === 'AlreadyExists';
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.reason === 'Conflict';
export const isExpired = (error: unknown): boolean => error instanceof ApiError && error.code === 410;

function about(subject: Subject, name: string): NonNullable<Status['details']> {
  return { name, ...(subject.group === '' ? {} : { group: subject.group }), kind: subject.plural };
}
