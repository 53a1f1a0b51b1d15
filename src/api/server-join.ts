/** Where a machine that has a token for it is given what makes it one of the cluster's servers: `POST`, answered with the cluster's keys. */
export const SERVER_JOIN_PATH = '/apis/postern.dev/v1/serverjoin';
