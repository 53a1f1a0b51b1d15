import manifest from '../../package.json' with { type: 'json' };

/** Postern's own version. The API's level is in what `/version` answers. */
export const VERSION: string = manifest.version;
