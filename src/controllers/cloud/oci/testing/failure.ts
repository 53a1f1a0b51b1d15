/** An answer that is not the one asked for. https://docs.oracle.com/en-us/iaas/Content/API/References/apierrors.htm */
export class Failure extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'Failure';
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** What the path or the query names is not there, or may not be seen. */
export const notFound = (id: string) =>
  new Failure(404, 'NotAuthorizedOrNotFound', `Authorization failed or requested resource not found: ${id}.`);

/** What the body names is not there, or may not be seen. */
export const relatedNotFound = (id: string) =>
  new Failure(
    400,
    'RelatedResourceNotAuthorizedOrNotFound',
    `Authorization failed or related resource not found: ${id}.`,
  );

export const invalid = (message: string) => new Failure(400, 'InvalidParameter', message);
export const incorrectState = (message: string) => new Failure(409, 'IncorrectState', message);
export const conflict = (message: string) => new Failure(409, 'Conflict', message);
export const limitExceeded = (message: string) => new Failure(400, 'LimitExceeded', message);
export const quotaExceeded = (message: string) => new Failure(400, 'QuotaExceeded', message);

/** Only of creations. The name that is taken might also be one that the caller may not see. */
export const alreadyExists = (message: string) => new Failure(409, 'NotAuthorizedOrResourceAlreadyExists', message);
